//! How a plan crosses to the re-executed binary and how that reports back: fields that end with a zero byte.
//!
//! No program, argument, or variable can hold a zero byte, so no escaping is needed and nothing is copied twice.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Stage},
    fence::Fence,
    plan::{Limits, Plan},
};

/// Longest encoded plan. A unix socket takes this much at once with the kernel's default buffers, so sending never
/// waits for the helper to read.
pub(crate) const PLAN_BYTES_MAX: usize = 96 * 1024;
/// The helper says this byte right before it executes the program; the socket's end then means success.
pub(crate) const READY: u8 = b'R';
/// The helper says this byte, the stage, and the error number when a step is refused.
const REFUSED: u8 = b'E';
const UNLIMITED: &[u8] = b"-";

/// What the helper needs of a plan; descriptors travel beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) parent: u32,
    pub(crate) limits: Limits,
    pub(crate) fence: Option<Fence>,
    pub(crate) cwd: Vec<u8>,
    pub(crate) program: Vec<u8>,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) env: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Checks the plan and encodes it, with its length in front.
pub(crate) fn encode(plan: &Plan, parent: u32) -> Result<Vec<u8>, Error> {
    check_absolute("program", &plan.program)?;
    check_absolute("directory", &plan.cwd)?;
    let mut fields = Fields(vec![0; 4]);
    fields.number(u64::from(parent));
    for limit in limits(&plan.limits) {
        match limit {
            Some(limit) => fields.number(limit),
            None => fields.raw(UNLIMITED),
        }
    }
    fields.number(plan.limits.core_bytes);
    fields.fence(plan.fence.as_ref())?;
    fields.text("directory", plan.cwd.as_os_str())?;
    fields.text("program", plan.program.as_os_str())?;
    fields.number(plan.args.len() as u64);
    for arg in &plan.args {
        fields.text("argument", arg)?;
    }
    for (name, value) in &plan.env {
        if name.is_empty() || name.contains('=') {
            return Err(Error::VariableName { name: name.clone() });
        }
        fields.text("environment variable", OsStr::new(name))?;
        fields.text("environment variable", OsStr::new(value))?;
    }
    let bytes = fields.0.len() - 4;
    let length = u32::try_from(bytes).unwrap_or(u32::MAX);
    if bytes > PLAN_BYTES_MAX {
        return Err(Error::TooLong {
            bytes,
            bytes_max: PLAN_BYTES_MAX,
        });
    }
    fields.0[..4].copy_from_slice(&length.to_le_bytes());
    Ok(fields.0)
}

/// Reads what [`encode`] wrote, without the length in front.
pub(crate) fn decode(bytes: &[u8]) -> Option<Order> {
    let mut fields = bytes.strip_suffix(&[0])?.split(|byte| *byte == 0);
    let parent = u32::try_from(number(fields.next()?)?).ok()?;
    let mut limit = || match fields.next()? {
        UNLIMITED => Some(None),
        field => number(field).map(Some),
    };
    let limits = Limits {
        address_space_bytes: limit()?,
        cpu_seconds: limit()?,
        open_files: limit()?,
        processes: limit()?,
        file_bytes: limit()?,
        core_bytes: limit()??,
    };
    let fence = fence(&mut fields)?;
    let cwd = fields.next()?.to_vec();
    let program = fields.next()?.to_vec();
    let count = usize::try_from(number(fields.next()?)?).ok()?;
    let mut rest: Vec<Vec<u8>> = fields.map(<[u8]>::to_vec).collect();
    if count > rest.len() || !(rest.len() - count).is_multiple_of(2) {
        return None;
    }
    let variables = rest.split_off(count);
    let env = variables
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    Some(Order {
        parent,
        limits,
        fence,
        cwd,
        program,
        args: rest,
        env,
    })
}

/// How the helper says that a step was refused.
pub(crate) fn encode_refusal(stage: Stage, error: &io::Error) -> [u8; 6] {
    let mut report = [REFUSED, stage.code(), 0, 0, 0, 0];
    report[2..].copy_from_slice(&error.raw_os_error().unwrap_or(0).to_le_bytes());
    report
}

/// What a helper reported before its end of the socket closed.
#[derive(Debug)]
pub(crate) enum Report {
    /// The program runs.
    Started,
    /// A step was refused.
    Refused(Stage, io::Error),
    /// It said nothing that makes sense.
    Nothing,
}

pub(crate) fn decode_report(bytes: &[u8]) -> Report {
    let bytes = match bytes {
        [READY] => return Report::Started,
        [READY, rest @ ..] => rest,
        bytes => bytes,
    };
    if let [REFUSED, stage, number @ ..] = bytes
        && let (Some(stage), Ok(number)) = (Stage::from_code(*stage), number.try_into())
    {
        let number = i32::from_le_bytes(number);
        return Report::Refused(stage, io::Error::from_raw_os_error(number));
    }
    Report::Nothing
}

const fn limits(limits: &Limits) -> [Option<u64>; 5] {
    [
        limits.address_space_bytes,
        limits.cpu_seconds,
        limits.open_files,
        limits.processes,
        limits.file_bytes,
    ]
}

fn check_absolute(what: &'static str, path: &Path) -> Result<(), Error> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(Error::RelativePath {
        what,
        path: path.to_owned(),
    })
}

/// The outer `None` is nonsense, the inner one is no fence.
fn fence<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Option<Fence>> {
    let network = match fields.next()? {
        UNLIMITED => return Some(None),
        field => number(field)? != 0,
    };
    let mut paths = || {
        let count = number(fields.next()?)?;
        (0..count)
            .map(|_| Some(PathBuf::from(os(fields.next()?.to_vec()))))
            .collect::<Option<Vec<_>>>()
    };
    Some(Some(Fence {
        read: paths()?,
        write: paths()?,
        network,
    }))
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

struct Fields(Vec<u8>);

impl Fields {
    fn raw(&mut self, field: &[u8]) {
        self.0.extend_from_slice(field);
        self.0.push(0);
    }

    fn number(&mut self, number: u64) {
        self.raw(number.to_string().as_bytes());
    }

    fn fence(&mut self, fence: Option<&Fence>) -> Result<(), Error> {
        let Some(fence) = fence else {
            self.raw(UNLIMITED);
            return Ok(());
        };
        self.number(u64::from(fence.network));
        for paths in [&fence.read, &fence.write] {
            self.number(paths.len() as u64);
            for path in paths {
                check_absolute("fenced path", path)?;
                self.text("fenced path", path.as_os_str())?;
            }
        }
        Ok(())
    }

    fn text(&mut self, what: &'static str, text: &OsStr) -> Result<(), Error> {
        if text.as_bytes().contains(&0) {
            return Err(Error::ZeroByte { what });
        }
        self.raw(text.as_bytes());
        Ok(())
    }
}

/// The bytes of a path or argument as the platform's own text.
pub(crate) fn os(bytes: Vec<u8>) -> std::ffi::OsString {
    std::ffi::OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::prelude::*;

    use super::*;
    use crate::plan::Stdio;

    fn plan(args: Vec<OsString>, env: Vec<(String, String)>) -> Plan {
        Plan {
            program: PathBuf::from("/bin/true"),
            args,
            env,
            cwd: PathBuf::from("/"),
            limits: Limits::NONE,
            fence: None,
            stdin: Stdio::Null,
            stdout: Stdio::Null,
            stderr: Stdio::Null,
        }
    }

    proptest! {
        #[test]
        fn plans_round_trip(
            args in prop::collection::vec(prop::collection::vec(1u8.., 0..20), 0..6),
            env in prop::collection::vec(("[A-Z]{1,5}", "[^\0]{0,9}"), 0..6),
            numbers in prop::collection::vec(prop::option::of(any::<u64>()), 5),
            core_bytes: u64,
            parent: u32,
        ) {
            let mut plan = plan(args.iter().cloned().map(os).collect(), env.clone());
            plan.limits = Limits {
                address_space_bytes: numbers[0],
                cpu_seconds: numbers[1],
                open_files: numbers[2],
                processes: numbers[3],
                file_bytes: numbers[4],
                core_bytes,
            };
            plan.fence = Some(Fence {
                read: vec![PathBuf::from("/usr"), PathBuf::from("/lib")],
                write: vec![PathBuf::from("/tmp")],
                network: parent % 2 == 0,
            })
            .filter(|_| core_bytes % 3 != 0);
            let bytes = encode(&plan, parent).unwrap();
            prop_assert_eq!(
                u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize,
                bytes.len() - 4
            );
            let order = Order {
                parent,
                limits: plan.limits,
                fence: plan.fence,
                cwd: b"/".to_vec(),
                program: b"/bin/true".to_vec(),
                args,
                env: env
                    .into_iter()
                    .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
                    .collect(),
            };
            prop_assert_eq!(decode(&bytes[4..]), Some(order));
        }

        #[test]
        fn nonsense_is_never_a_plan_that_panics(bytes: Vec<u8>) {
            prop_assert!(decode(&bytes).is_none() || bytes.ends_with(&[0]));
        }
    }

    #[test]
    fn what_the_kernel_would_refuse_is_refused_by_name() {
        let relative = Plan {
            program: PathBuf::from("true"),
            ..plan(Vec::new(), Vec::new())
        };
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for (plan, message) in [
            (relative, "program `true` is not an absolute path"),
            (
                plan(vec![OsString::from("a\0b")], Vec::new()),
                "argument holds a zero byte",
            ),
            (
                plan(Vec::new(), pair("A=B", "")),
                "environment variable name \"A=B\" is empty or holds `=`",
            ),
            (
                plan(Vec::new(), pair("A", "\0")),
                "environment variable holds a zero byte",
            ),
            (
                plan(vec![OsString::from("x".repeat(PLAN_BYTES_MAX))], Vec::new()),
                "arguments and environment have 98335 bytes, more than 98304",
            ),
        ] {
            let error = encode(&plan, 1).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.is_permanent());
        }
    }

    #[test]
    fn reports_say_how_far_the_helper_came() {
        let refusal = encode_refusal(Stage::Exec, &io::Error::from_raw_os_error(2));
        let mut late = vec![READY];
        late.extend_from_slice(&refusal);
        for bytes in [&refusal[..], &late] {
            let Report::Refused(stage, error) = decode_report(bytes) else {
                panic!("{bytes:?}");
            };
            assert_eq!((stage, error.raw_os_error()), (Stage::Exec, Some(2)));
        }
        assert!(matches!(decode_report(&[READY]), Report::Started));
        for bytes in [&[][..], b"x", b"E", b"E\x0a\0\0\0\0", b"usage: ..."] {
            assert!(matches!(decode_report(bytes), Report::Nothing));
        }
    }
}
