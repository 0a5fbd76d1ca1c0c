//! Runs the proofs of the session store at full length; the same tests run with small numbers everywhere else.

use clap::ValueEnum;

use crate::{error::Error, repo::Repo, setup, step::Step};

/// A proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Proof {
    /// A transcript cut off at every byte
    Offsets,
    /// A transcript with every single bit flipped
    Flips,
    /// Every call of a simulated disk fails, once and for good
    Faults,
    /// Seeded histories of a store on a simulated disk
    Sim,
    /// Every system call on the real disk fails, once and for good
    Syscalls,
    /// A gateway killed under load
    Kill,
    /// The power cut under load
    Power,
    /// A full disk, then space again
    Full,
    /// All of them, the shortest first
    All,
}

impl Proof {
    const EVERY: [Self; 8] = [
        Self::Full,
        Self::Faults,
        Self::Offsets,
        Self::Syscalls,
        Self::Flips,
        Self::Sim,
        Self::Power,
        Self::Kill,
    ];

    /// The package its tests are in, what their names begin with, and how many rounds it has where it has rounds.
    const fn tests(self) -> (&'static str, &'static str, Option<u64>) {
        const STORE: &str = "openclaw-sessions";
        const GATEWAY: &str = "openclaw-tests";
        match self {
            Self::Offsets => (STORE, "prove::offsets::", None),
            Self::Flips => (STORE, "prove::flips::", None),
            Self::Faults => (STORE, "faults::", None),
            Self::Sim => (STORE, "prove::sim::", Some(20_000)),
            Self::Syscalls => (STORE, "prove::syscalls::", None),
            Self::Kill => (GATEWAY, "prove::kill::", Some(2_000)),
            Self::Power => (GATEWAY, "prove::power::", Some(500)),
            Self::Full => (GATEWAY, "prove::full::", None),
            Self::All => (STORE, "", None),
        }
    }
}

pub(crate) fn run(
    repo: &Repo,
    proof: Proof,
    rounds: Option<u64>,
    seed: Option<u64>,
) -> Result<(), Error> {
    setup::nextest(repo)?;
    setup::proofs(repo)?;
    if proof == Proof::All {
        return Proof::EVERY
            .iter()
            .try_for_each(|proof| one(repo, *proof, rounds, seed));
    }
    one(repo, proof, rounds, seed)
}

fn one(repo: &Repo, proof: Proof, rounds: Option<u64>, seed: Option<u64>) -> Result<(), Error> {
    let (package, names, usual) = proof.tests();
    let mut step = Step::cargo(&format!("prove {proof:?}").to_lowercase(), repo.root())
        .args(["nextest", "run", "--profile", "prove", "--no-capture"])
        .args(["--package", package])
        .args(["-E", &format!("test(/^{names}/)")])
        .env("OPENCLAW_PROVE_EVERY", "1");
    if let Some(rounds) = rounds.or(usual) {
        step = step.env("OPENCLAW_PROVE_ROUNDS", rounds.to_string());
    }
    if let Some(seed) = seed {
        step = step.env("OPENCLAW_PROVE_SEED", seed.to_string());
    }
    step.run()
}
