//! What a fenced child can't reach.

use std::{fs, net::TcpListener, path::PathBuf};

use openclaw_process::{Fence, Stdio, fence};

use crate::{launcher, output, plan, shell, within};

fn system() -> Vec<PathBuf> {
    let paths = ["/usr", "/bin", "/lib", "/lib64", "/etc"];
    paths.into_iter().map(PathBuf::from).collect()
}

/// What the script says within a fence that lets it write below one directory only.
async fn fenced(script: &str, write: &[PathBuf], network: bool) -> String {
    let mut plan = shell(script);
    plan.fence = Some(Fence {
        read: system(),
        write: write.to_vec(),
        network,
    });
    plan.stderr = Stdio::Null;
    let mut child = launcher().spawn(&plan).await.unwrap();
    let text = output(&mut child).await;
    within(child.wait()).await;
    text.trim().to_owned()
}

#[tokio::test]
async fn a_fenced_child_reaches_the_files_of_its_plan_and_no_others() {
    assert!(fence::probe().is_enough(), "{:?}", fence::probe());
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&inside).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let (i, o) = (inside.display(), outside.display());
    for (script, expected) in [
        (format!("echo a >{i}/a && cat {i}/a"), "a"),
        (format!("cat {o}/secret || echo no"), "no"),
        (format!("echo x >{o}/secret || echo no"), "no"),
        (format!("ls {o} || echo no"), "no"),
        (format!("rm {o}/secret || echo no"), "no"),
        (format!("mv {o}/secret {i}/ || echo no"), "no"),
        (format!("ln {o}/secret {i}/s || echo no"), "no"),
        (
            format!("ln -s {o}/secret {i}/l; cat {i}/l || echo no"),
            "no",
        ),
        (format!("mv {i}/a {o}/a || echo no"), "no"),
        (format!("truncate -s 0 {o}/secret || echo no"), "no"),
        (
            format!("(echo x >/proc/{}/comm) || echo no", std::process::id()),
            "no",
        ),
        (
            format!("cat /proc/{}/environ || echo no", std::process::id()),
            "no",
        ),
        (format!("kill -0 {} || echo no", std::process::id()), "no"),
        ("unshare -Ur true || echo no".to_owned(), "no"),
        (format!("/bin/sh -c 'cat {o}/secret' || echo no"), "no"),
    ] {
        assert_eq!(
            fenced(&script, std::slice::from_ref(&inside), false).await,
            expected,
            "{script}"
        );
    }
    assert_eq!(
        fs::read_to_string(outside.join("secret")).unwrap(),
        "secret"
    );
}

#[tokio::test]
async fn a_fenced_child_makes_no_socket_unless_the_network_is_granted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let families = "import socket\nfor f in (1, 2, 10, 16, 17, 40):\n  for t in (1, 2, 3):\n    try:\n      socket.socket(f, t); print('made', f, t)\n    except PermissionError: pass\nprint('end')";
    let connect = format!(
        "import socket\nsocket.create_connection(('127.0.0.1', {port})); print('connected')"
    );
    for (code, network, expected) in [
        (families, false, "end"),
        (&*connect, false, ""),
        (&*connect, true, "connected"),
        (
            "import socket\na, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))",
            false,
            "b'x'",
        ),
    ] {
        let mut plan = plan("/usr/bin/python3", &["-c", code]);
        plan.fence = Some(Fence {
            read: system(),
            write: Vec::new(),
            network,
        });
        let mut child = launcher().spawn(&plan).await.unwrap();
        assert_eq!(output(&mut child).await.trim(), expected, "{code}");
    }
}
