//! What runs as long as the gateway does: its doors, and what is done beside them.

use std::sync::Arc;

use openclaw_accounts::Alerts;
use openclaw_router::Router;
use openclaw_wire::{event::BUDGET_ALERT, frame::EncodedEvent};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{VERSION, books, boot, conn, http, keeper, listen, models_port::Port, state::State};

/// Lets connections in, and starts what is done beside them.
pub(crate) async fn open(state: &Arc<State>, listener: TcpListener, accepting: &CancellationToken) {
    let surface = Router::new(
        boot::router_options(&state.config, &state.instance, VERSION),
        state.models.clone(),
        state.accounts.clone(),
        Arc::clone(&state.env),
    );
    if let Some(wanted) = state.config.router.listen {
        match Port::bind(wanted).await {
            Ok(port) => serve_models(state, port, surface.clone(), accepting.clone()),
            // A LiteLLM may have it, which is no reason for the agents not to run.
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the router has no port of its own"
            ),
        }
    }
    let serving = listen::serve(
        listener,
        usize::try_from(state.config.limits.connections).unwrap_or(usize::MAX),
        http::router(Arc::clone(state), surface),
        listen::Crew {
            tasks: state.tasks.clone(),
            threads: None,
        },
        accepting.clone(),
    );
    let _task = state.tasks.spawn(serving);
    let _task = state.tasks.spawn(ticks(Arc::clone(state)));
    let _task = state
        .tasks
        .spawn(alerts(Arc::clone(state), state.accounts.alerts()));
    let _task = state.tasks.spawn(keeper::keep(Arc::clone(state)));
    let _task = state.tasks.spawn(keeper::archive::keep(Arc::clone(state)));
}

/// Answers requests for models on a port of their own.
fn serve_models(state: &Arc<State>, port: Port, surface: Router, stop: CancellationToken) {
    tracing::info!(address = %port.address, "router ready");
    let _address = state.router_address.get_or_init(|| port.address);
    let shared = Arc::clone(state);
    let _task = state.tasks.spawn(async move {
        port.serve(surface, shared.accounts.clone(), &shared.config, stop)
            .await;
    });
}

/// Shows native clients that the gateway lives.
async fn ticks(state: Arc<State>) {
    let mut interval = tokio::time::interval(conn::limits::TICK);
    let _first = interval.tick().await;
    loop {
        tokio::select! {
            biased;
            () = state.draining.cancelled() => return,
            _at = interval.tick() => {}
        }
        if let Some(event) = conn::tick(state.env.now()) {
            state.bus.tell_native(&event);
        }
    }
}

/// Shows native clients that may read what budgets' owners should know.
async fn alerts(state: Arc<State>, mut alerts: Alerts) {
    loop {
        let alert = tokio::select! {
            biased;
            () = state.draining.cancelled() => return,
            alert = alerts.next() => books::alert(&state.accounts, &alert),
        };
        if let Ok(event) = EncodedEvent::new(BUDGET_ALERT, &alert, None) {
            state.bus.tell_readers(&event);
        }
    }
}
