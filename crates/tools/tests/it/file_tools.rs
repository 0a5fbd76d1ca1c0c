//! What each file tool does, and what it says when it can't.

use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn what_was_written_is_read_back_with_numbers_in_parts() {
    let bench = Bench::new();
    assert_eq!(
        bench
            .ok(
                "write",
                json!({"path": "a/b.txt", "content": "one\ntwo\nthree"})
            )
            .await,
        "created `a/b.txt`, 13 bytes"
    );
    assert_eq!(
        bench.ok("read", json!({"path": "a/b.txt"})).await,
        "1\tone\n2\ttwo\n3\tthree\n"
    );
    assert_eq!(
        bench
            .ok("read", json!({"path": "a/b.txt", "offset": 2, "limit": 1}))
            .await,
        "2\ttwo\n[3 lines in all; go on with offset 3]\n"
    );
    let (code, text) = bench
        .refused("read", json!({"path": "a/b.txt", "offset": 9}))
        .await;
    assert_eq!(
        (code, text.contains("has 3 lines only")),
        ("arguments", true)
    );
    bench.put("binary", "a\0b");
    assert_eq!(
        bench.refused("read", json!({"path": "binary"})).await.0,
        "denied"
    );
    assert_eq!(
        bench.refused("read", json!({"path": "none"})).await.0,
        "not_found"
    );
    bench.put("huge", &"x\n".repeat(3 * 1024 * 1024));
    assert_eq!(
        bench.refused("read", json!({"path": "huge"})).await.0,
        "too_large"
    );
    let names: Vec<_> = std::fs::read_dir(bench.caller.workspace.join("a"))
        .unwrap()
        .collect();
    assert_eq!(names.len(), 1, "a temporary file stayed: {names:?}");
}

#[tokio::test]
async fn edits_are_exact_and_unique_and_all_or_none() {
    let bench = Bench::new();
    let text = "fn one() {}\nfn two() {}\nlet value = one();\n";
    bench.put("a.rs", text);
    for (edits, expected) in [
        (
            json!([{"old": "three", "new": "x"}]),
            "the text is not there",
        ),
        (
            json!([{"old": "let value = two();", "new": "x"}]),
            "the text is not there; the nearest is line 3: \"let value = one();\"",
        ),
        (
            json!([{"old": "one()", "new": "x"}]),
            "the text occurs 2 times, at lines 1, 3",
        ),
        (
            json!([{"old": "fn two", "new": "fn 2"}, {"old": "absent", "new": ""}]),
            "edit 2 of `a.rs`",
        ),
    ] {
        let (code, said) = bench
            .refused("edit", json!({"path": "a.rs", "edits": edits}))
            .await;
        assert_eq!(code, "mismatch");
        assert!(said.contains(expected), "{said}");
        assert_eq!(bench.text("a.rs"), text);
    }
    let edits = json!([{"old": "fn two", "new": "fn 2"}, {"old": "one", "new": "1", "all": true}]);
    assert_eq!(
        bench
            .ok("edit", json!({"path": "a.rs", "edits": edits}))
            .await,
        "replaced 3 in `a.rs`"
    );
    assert_eq!(
        bench.text("a.rs"),
        "fn 1() {}\nfn 2() {}\nlet value = 1();\n"
    );
}

#[tokio::test]
async fn a_patch_in_either_format_changes_everything_or_nothing() {
    let bench = Bench::new();
    let reset = || {
        bench.put("a.txt", "one\ntwo\nthree\n");
        bench.put("gone.txt", "bye\n");
    };
    reset();
    let marked = "*** Begin Patch\n*** Update File: a.txt\n@@ one\n-two\n+2\n*** Add File: d/new.txt\n+hello\n*** Delete File: gone.txt\n*** End Patch";
    let said = bench.ok("apply_patch", json!({"patch": marked})).await;
    assert_eq!(said, "changed `a.txt`, `d/new.txt`, `gone.txt`");
    assert_eq!(
        (bench.text("a.txt"), bench.text("d/new.txt")),
        ("one\n2\nthree\n".to_owned(), "hello\n".to_owned())
    );
    assert!(!bench.caller.workspace.join("gone.txt").exists());
    reset();
    let unified = "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2.5\n three\n--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1,2 @@\n+x\n+--- y\n";
    bench.ok("apply_patch", json!({"patch": unified})).await;
    assert_eq!(
        (bench.text("a.txt"), bench.text("n.txt")),
        ("one\n2\n2.5\nthree\n".to_owned(), "x\n--- y\n".to_owned())
    );
    reset();
    for (patch, code) in [
        (
            "*** Begin Patch\n*** Add File: first.txt\n+x\n*** Update File: a.txt\n@@\n-four\n+4\n*** End Patch",
            "mismatch",
        ),
        (
            "*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch",
            "mismatch",
        ),
        (
            "*** Begin Patch\n*** Update File: none.txt\n@@\n-x\n+y\n*** End Patch",
            "not_found",
        ),
        ("*** Begin Patch\n*** Add File: first.txt\n+x", "mismatch"),
        (
            "*** Begin Patch\n*** Add File: first.txt\n+x\n*** Add File: SOUL.md/x\n+x\n*** End Patch",
            "denied",
        ),
        (
            "*** Begin Patch\n*** Add File: AAA.txt\n+x\n*** Add File: USER.md\n+x\n*** End Patch",
            "denied",
        ),
        ("hello", "mismatch"),
    ] {
        assert_eq!(
            bench
                .refused("apply_patch", json!({"patch": patch}))
                .await
                .0,
            code,
            "{patch}"
        );
    }
    assert_eq!(bench.text("a.txt"), "one\ntwo\nthree\n");
    for name in ["first.txt", "AAA.txt"] {
        assert!(!bench.caller.workspace.join(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn list_and_grep_show_what_is_there_and_no_link_leads_them_out() {
    let bench = Bench::new();
    bench.put("src/a.rs", "fn Main() {}\nlet x;\n");
    bench.put("src/deep/b.txt", "fn main\n");
    std::os::unix::fs::symlink("../..", bench.caller.workspace.join("src/up")).unwrap();
    assert_eq!(
        bench.ok("list", json!({"path": "src", "depth": 3})).await,
        "src/a.rs\t20\nsrc/deep/\nsrc/deep/b.txt\t8\nsrc/up@"
    );
    assert_eq!(
        bench
            .ok("grep", json!({"pattern": "fn \\w+", "path": "src"}))
            .await,
        "src/a.rs:1:fn Main() {}\nsrc/deep/b.txt:1:fn main"
    );
    assert_eq!(
        bench.ok("grep", json!({"pattern": "MAIN", "glob": "*.{txt,md}", "ignore_case": true, "files_only": true})).await,
        "src/deep/b.txt"
    );
    assert_eq!(
        bench.ok("grep", json!({"pattern": "outside"})).await,
        "[nothing matches]"
    );
    assert_eq!(
        bench.refused("grep", json!({"pattern": "("})).await.0,
        "arguments"
    );
    assert_eq!(
        bench
            .refused("grep", json!({"pattern": "(a{900}){900}"}))
            .await
            .0,
        "arguments"
    );
    bench.put("many.txt", &"hit\n".repeat(500));
    let outcome = bench
        .call("grep", json!({"pattern": "hit", "path": "many.txt"}))
        .await;
    assert!(outcome.is_truncated);
}

#[tokio::test]
async fn notes_are_written_found_read_and_forgotten() {
    let bench = Bench::new();
    assert_eq!(
        bench
            .ok(
                "memory_write",
                json!({"text": "the build needs clang\nversion 17"})
            )
            .await,
        "noted in `memory/2023-11-14.md`"
    );
    bench
        .ok(
            "memory_write",
            json!({"text": "the user likes tea", "lasting": true}),
        )
        .await;
    assert_eq!(
        bench
            .ok("memory_search", json!({"query": "Clang build?"}))
            .await,
        "memory/2023-11-14.md:1: - the build needs clang"
    );
    assert_eq!(
        bench
            .ok("memory_get", json!({"path": "memory/2023-11-14.md"}))
            .await,
        "- the build needs clang\n  version 17"
    );
    let place = |text: &str| json!({"path": "memory/2023-11-14.md", "line": 1, "text": text});
    assert_eq!(
        bench
            .refused("memory_forget", place("something else"))
            .await
            .0,
        "mismatch"
    );
    bench
        .ok("memory_forget", place("- the build needs clang"))
        .await;
    assert_eq!(bench.text("memory/2023-11-14.md"), "");
    for path in [
        "SOUL.md",
        "session.jsonl",
        "memory/../SOUL.md",
        "memory/x/y.md",
    ] {
        assert_eq!(
            bench.refused("memory_get", json!({"path": path})).await.0,
            "denied"
        );
        assert_eq!(
            bench
                .refused(
                    "memory_forget",
                    json!({"path": path, "line": 1, "text": "the record"})
                )
                .await
                .0,
            "denied"
        );
    }
    bench.assert_untouched();
}
