//! Orders and weights of a group's members that don't say their own.

use std::collections::BTreeMap;

use crate::config::Deployment;

/// A deployment that says no order, until its group is known.
pub(super) const UNORDERED: u32 = u32::MAX;

/// As LiteLLM has it: where one member of a group has an order, those without come last; where one has a weight,
/// those without get none of the load; and without weights, rates take their place.
pub(super) fn fill_in(deployments: &mut [Deployment]) {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, deployment) in deployments.iter().enumerate() {
        let group = deployment.group.clone();
        groups.entry(group).or_default().push(index);
    }
    for members in groups.values() {
        let has = |deployments: &[Deployment], of: fn(&Deployment) -> bool| {
            members
                .iter()
                .filter_map(|&index| deployments.get(index))
                .any(of)
        };
        let is_ordered = has(deployments, |member| member.order != UNORDERED);
        let share: fn(&Deployment) -> Option<u32> =
            if has(deployments, |member| member.weight.is_some()) {
                |member| member.weight.or(Some(0))
            } else if has(deployments, |member| member.rpm.is_some()) {
                |member| member.rpm.or(Some(0))
            } else if has(deployments, |member| member.tpm.is_some()) {
                |member| member.tpm.or(Some(0))
            } else {
                |_| None
            };
        for &index in members {
            if let Some(member) = deployments.get_mut(index) {
                member.weight = share(member);
                if !is_ordered {
                    member.order = 0;
                }
            }
        }
    }
}
