//! The handshake, and every way it can fail.

use std::time::Duration;

use openclaw_client::{Client, Error, reconnect};
use openclaw_types::SystemEnv;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::gateway::{SOON, finished, options, serve};

#[tokio::test]
async fn the_client_offers_our_subprotocol_and_waits_for_the_challenge() {
    let (options, tasks) = serve(|mut peer| async move {
        assert_eq!(peer.subprotocol, "openclaw");
        let request = peer.welcome().await;
        assert_eq!(
            request,
            json!({
                "type": "req", "id": "connect", "method": "connect",
                "params": {
                    "minProtocol": 3, "maxProtocol": 4,
                    "client": {"id": "cli", "version": "0.1.0", "platform": std::env::consts::OS, "mode": "cli"},
                    "role": "operator",
                    "scopes": ["operator.read", "operator.write"],
                    "caps": ["tool-events"],
                    "auth": {"token": "t0ken"}
                }
            })
        );
        assert_eq!(peer.hear().await, None);
    })
    .await;
    let (client, _events) = Client::connect(&options).await.unwrap();
    assert_eq!(client.hello().server.conn_id, "c1");
    assert_eq!(client.hello().protocol, 4);
    client.close().await;
    finished(tasks).await;
}

#[tokio::test]
async fn nobody_there_says_how_to_start_a_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Client::connect(&options(port)).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(
        error.hint().unwrap(),
        "is the gateway running? start it: openclaw gateway start"
    );
}

#[tokio::test]
async fn a_wrong_token_names_where_it_came_from() {
    let (options, tasks) = serve(|mut peer| async move {
        let request = peer.challenge().await;
        let details = json!({"code": "AUTH_TOKEN_MISMATCH"});
        let error = json!({"code": "INVALID_REQUEST", "message": "unauthorized: gateway token mismatch", "details": details});
        peer.refuse(&request, error).await;
    })
    .await;
    let error = Client::connect(&options).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("the test"));
    assert!(!error.is_transient());
    assert!(!format!("{options:?} {error:?}").contains("t0ken"));
    finished(tasks).await;
}

#[tokio::test]
async fn another_protocol_version_is_its_own_error() {
    let (options, tasks) = serve(|mut peer| async move {
        let request = peer.challenge().await;
        let error = json!({"code": "INVALID_REQUEST", "message": "protocol mismatch", "details": {"expectedProtocol": 7}});
        peer.refuse(&request, error).await;
    })
    .await;
    let error = Client::connect(&options).await.unwrap_err();
    assert!(
        matches!(error, Error::Protocol { expected: 7 }),
        "{error:?}"
    );
    finished(tasks).await;
}

#[tokio::test]
async fn a_gateway_that_closes_or_says_nothing_is_told_apart() {
    let (options, tasks) = serve(|peer| peer.close(1008, "slow down")).await;
    let error = Client::connect(&options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "gateway closed the connection with code 1008: slow down"
    );
    finished(tasks).await;

    let (mut options, _tasks) = serve(|mut peer| async move {
        peer.hear().await;
    })
    .await;
    options.handshake_deadline = Duration::from_millis(50);
    let error = Client::connect(&options).await.unwrap_err();
    assert_eq!(error.to_string(), "the handshake took longer than 50 ms");
}

#[tokio::test]
async fn another_program_on_the_port_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        for answer in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "SSH-2.0-OpenSSH_9.9\r\n",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 16];
            stream.read_exact(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let error = Client::connect(&options(port)).await.unwrap_err();
    assert!(
        matches!(error, Error::Upgrade { status: 404, .. }),
        "{error:?}"
    );
    let error = Client::connect(&options(port)).await.unwrap_err();
    assert!(matches!(error, Error::WebSocket { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("another program"));
    finished(tasks).await;
}

#[tokio::test]
async fn connecting_again_waits_for_a_gateway_that_starts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let (stream, _) = listener.accept().await.unwrap();
        crate::gateway::accept(stream).await.welcome().await;
    });
    let backoff = reconnect::Backoff {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(20),
    };
    let options = options(address.port());
    let (client, _events) = reconnect::connect(&options, backoff, SOON, &SystemEnv)
        .await
        .unwrap();
    assert_eq!(client.hello().protocol, 4);
    finished(tasks).await;
}

#[tokio::test]
async fn connecting_again_gives_up_at_once_on_what_waiting_does_not_cure() {
    let mut options = options(1);
    options.url = "wss://127.0.0.1:1".to_owned();
    let backoff = reconnect::Backoff {
        first: Duration::from_secs(3_600),
        longest: Duration::from_secs(3_600),
    };
    let connecting = reconnect::connect(&options, backoff, Duration::MAX, &SystemEnv);
    let error = tokio::time::timeout(SOON, connecting)
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, Error::Url { .. }), "{error:?}");
}
