//! What `router.*` and `budget.alert` look like on the wire.

use openclaw_wire::methods::{
    models::{AgentRoute, KeyPresence, RouteStep},
    router::{
        BudgetAlert, BudgetRow, CacheState, DeploymentRow, KeyForm, KeyRow, PriceRow, RouterBrief,
        SpendFilter, SpendParams, SpendRow, SpendTally,
    },
};
use serde_json::{json, to_value};

#[test]
fn an_alert_says_whose_budget_and_what_was_reached() {
    let alert = BudgetAlert {
        at_ms: 1,
        scope: "key ci".to_owned(),
        kind: "key".to_owned(),
        name: Some("k-1".to_owned()),
        alias: Some("ci".to_owned()),
        model: None,
        reached: "80".to_owned(),
        spent_usd: 0.8,
        max_usd: Some(1.0),
        resets_at_ms: Some(2),
    };
    let shown = json!({"atMs": 1, "scope": "key ci", "kind": "key", "name": "k-1", "alias": "ci",
        "reached": "80", "spentUsd": 0.8, "maxUsd": 1.0, "resetsAtMs": 2});
    assert_eq!(to_value(&alert).unwrap(), shown);
    assert_eq!(serde_json::from_value::<BudgetAlert>(shown).unwrap(), alert);
}

#[test]
fn what_is_not_known_or_not_limited_is_absent() {
    assert_eq!(to_value(KeyForm::default()).unwrap(), json!({}));
    assert_eq!(to_value(SpendParams::default()).unwrap(), json!({}));
    assert_eq!(
        to_value(KeyRow::default()).unwrap(),
        json!({"id": "", "name": "", "digest": "", "spendUsd": 0.0, "reservedUsd": 0.0, "blocked": false,
            "expired": false, "createdAtMs": 0, "updatedAtMs": 0})
    );
    assert_eq!(
        to_value(DeploymentRow::default()).unwrap(),
        json!({"id": "", "provider": "", "model": "", "usable": false, "inFlight": 0,
            "requestsThisMinute": 0, "tokensThisMinute": 0, "reasoning": false})
    );
    assert_eq!(
        to_value(RouterBrief::default()).unwrap(),
        json!({"ready": false, "up": 0, "cooling": 0, "spentTodayUsd": 0.0})
    );
}

#[test]
fn a_filter_and_sums_stand_beside_the_other_fields() {
    let params = SpendParams {
        by: vec!["day".to_owned()],
        filter: SpendFilter {
            since_ms: Some(1),
            agent: Some("steward".to_owned()),
            ..SpendFilter::default()
        },
    };
    let shown = json!({"by": ["day"], "sinceMs": 1, "agent": "steward"});
    assert_eq!(to_value(&params).unwrap(), shown);
    assert_eq!(
        serde_json::from_value::<SpendParams>(shown).unwrap(),
        params
    );
    let row = SpendRow {
        day: Some("2026-11-23".to_owned()),
        tally: SpendTally {
            cost_usd: 0.5,
            requests: 2,
            ..SpendTally::default()
        },
        ..SpendRow::default()
    };
    assert_eq!(
        to_value(row).unwrap(),
        json!({"day": "2026-11-23", "costUsd": 0.5, "requests": 2, "failures": 0, "unpriced": 0,
            "unsettled": 0, "inputTokens": 0, "outputTokens": 0, "cachedTokens": 0})
    );
}

#[test]
fn the_gateways_status_has_alerts_and_the_cache_and_agents_their_chain() {
    let brief = RouterBrief {
        listen: Some("127.0.0.1:4000".to_owned()),
        alerts: vec![BudgetRow {
            reached: vec!["50".to_owned()],
            ..BudgetRow::default()
        }],
        cache: Some(CacheState {
            kind: "redis".to_owned(),
            ok: false,
            detail: "refused".to_owned(),
        }),
        ..RouterBrief::default()
    };
    let shown = to_value(&brief).unwrap();
    assert_eq!(
        shown["cache"],
        json!({"kind": "redis", "ok": false, "detail": "refused"})
    );
    assert_eq!(shown["alerts"][0]["reached"], json!(["50"]));
    assert_eq!(serde_json::from_value::<RouterBrief>(shown).unwrap(), brief);
    let route = AgentRoute {
        agent_id: "steward".to_owned(),
        reference: "agent/steward".to_owned(),
        stated: false,
        chain: vec![RouteStep {
            model: "zai/glm-5".to_owned(),
            key: KeyPresence::Unset,
        }],
        left_usd: None,
    };
    assert_eq!(
        to_value(route).unwrap(),
        json!({"agentId": "steward", "reference": "agent/steward", "stated": false,
            "chain": [{"model": "zai/glm-5", "key": "unset"}]})
    );
    let price = PriceRow {
        input: 3.0,
        output: 15.0,
        ..PriceRow::default()
    };
    assert_eq!(
        to_value(price).unwrap(),
        json!({"input": 3.0, "output": 15.0})
    );
}
