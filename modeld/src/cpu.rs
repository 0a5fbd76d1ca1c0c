//! Whether this processor can run the kernels this binary was built with.

use std::collections::BTreeMap;

use serde::Serialize;

// The check below is only sound while Rust itself is compiled for the baseline processor: with the
// feature enabled for Rust, the detection macro is folded to `true`.
#[cfg(all(target_arch = "x86_64", target_feature = "avx"))]
compile_error!(
    "build openclaw-modeld for the baseline processor: drop target-cpu and target-feature from RUSTFLAGS; \
     the kernels get their instruction sets from GGML_* in modeld/.cargo/config.toml"
);

/// What the processor must have and has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Abilities {
    /// Whether every required ability is present.
    pub ok: bool,
    /// The abilities the kernels were compiled to use, with whether they are present here.
    pub required: BTreeMap<&'static str, bool>,
    /// The required abilities that are not present.
    pub missing: Vec<&'static str>,
}

impl Abilities {
    /// Compares what the build needs with what the processor offers.
    #[must_use]
    pub fn detect() -> Self {
        Self::from_table(&table())
    }

    fn from_table(table: &[(&'static str, bool, bool)]) -> Self {
        let required: BTreeMap<_, _> = table
            .iter()
            .filter(|(_, compiled, _)| *compiled)
            .map(|(name, _, present)| (*name, *present))
            .collect();
        let missing: Vec<_> = required
            .iter()
            .filter(|(_, present)| !**present)
            .map(|(name, _)| *name)
            .collect();
        Self {
            ok: missing.is_empty(),
            required,
            missing,
        }
    }
}

/// Name, whether the kernels were compiled with it, whether the processor (and kernel) has it.
#[cfg(target_arch = "x86_64")]
fn table() -> [(&'static str, bool, bool); 6] {
    const fn on(flag: Option<&str>) -> bool {
        matches!(flag, Some(value) if matches!(value.as_bytes(), b"ON"))
    }
    [
        (
            "sse4.2",
            on(option_env!("GGML_SSE42")),
            std::arch::is_x86_feature_detected!("sse4.2"),
        ),
        (
            "avx",
            on(option_env!("GGML_AVX")),
            std::arch::is_x86_feature_detected!("avx"),
        ),
        (
            "avx2",
            on(option_env!("GGML_AVX2")),
            std::arch::is_x86_feature_detected!("avx2"),
        ),
        (
            "bmi2",
            on(option_env!("GGML_BMI2")),
            std::arch::is_x86_feature_detected!("bmi2"),
        ),
        (
            "f16c",
            on(option_env!("GGML_F16C")),
            std::arch::is_x86_feature_detected!("f16c"),
        ),
        (
            "fma",
            on(option_env!("GGML_FMA")),
            std::arch::is_x86_feature_detected!("fma"),
        ),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn table() -> [(&'static str, bool, bool); 0] {
    []
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_build_uses_is_required() {
        let found = Abilities::from_table(&[
            ("avx2", true, false),
            ("fma", true, true),
            ("bmi2", false, false),
        ]);
        let expected = Abilities {
            ok: false,
            required: BTreeMap::from([("avx2", false), ("fma", true)]),
            missing: vec!["avx2"],
        };
        assert_eq!(found, expected);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_fast_kernels_are_compiled_in() {
        let names: Vec<_> = Abilities::detect().required.into_keys().collect();
        assert_eq!(names, ["avx", "avx2", "bmi2", "f16c", "fma", "sse4.2"]);
    }
}
