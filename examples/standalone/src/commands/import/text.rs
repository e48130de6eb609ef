//! Plans as text.

use crate::inventory::import_view::{LineView, PlanDetail, PlanView};
use crate::output::table;

const COLUMNS: [&str; 8] = [
    "line",
    "do",
    "action",
    "name",
    "groups",
    "login",
    "key",
    "what and why",
];

/// A line by itself.
pub(super) fn line(line: &LineView) -> String {
    table(&COLUMNS, &[row(line)])
}

pub(super) fn list(plans: &[PlanView]) -> String {
    let row = |plan: &PlanView| {
        vec![
            plan.id.clone(),
            plan.created.clone(),
            plan.state.clone(),
            counts(plan),
            plan.source.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = plans.iter().map(row).collect();
    table(&["plan", "created", "state", "lines", "source"], &rows)
}

fn counts(plan: &PlanView) -> String {
    let counts = plan.counts;
    let all = [
        (counts.create, "create"),
        (counts.update, "update"),
        (counts.gone, "gone"),
        (counts.conflict, "conflict"),
        (counts.exists, "exist"),
        (counts.skip, "skip"),
    ];
    let some: Vec<String> = all
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    if some.is_empty() {
        "nothing".to_owned()
    } else {
        some.join(", ")
    }
}

/// Lines that would do something, or ask something.
pub(super) fn changing(detail: &PlanDetail) -> String {
    text(detail, |line| {
        !matches!(line.action.as_str(), "exists" | "skip")
    })
}

pub(super) fn whole(detail: &PlanDetail) -> String {
    text(detail, |_| true)
}

fn text(detail: &PlanDetail, is_shown: impl Fn(&LineView) -> bool) -> String {
    let plan = &detail.plan;
    let mut paragraphs = vec![format!(
        "plan {} ({}): {}",
        plan.id,
        plan.state,
        counts(plan)
    )];
    let shown: Vec<&LineView> = detail.lines.iter().filter(|line| is_shown(line)).collect();
    if !shown.is_empty() {
        let rows: Vec<Vec<String>> = shown.iter().map(|line| row(line)).collect();
        paragraphs.push(table(&COLUMNS, &rows));
    }
    for rule in &detail.rules {
        let groups = rule
            .groups
            .iter()
            .map(|(name, count)| format!("{name}: {count}"));
        let groups: Vec<String> = groups.chain([format!("in none: {}", rule.none)]).collect();
        paragraphs.push(format!("rule {}\n  {}", rule.rule, groups.join(", ")));
    }
    paragraphs.extend(
        plan.failures
            .iter()
            .map(|failure| format!("not seen: {failure}")),
    );
    paragraphs.join("\n\n")
}

fn row(line: &LineView) -> Vec<String> {
    let changes = line.changes.iter().map(|change| {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "{}: {} -> {}",
            change.field,
            value(&change.before),
            value(&change.after)
        )
    });
    let what: Vec<String> = changes.chain([line.reason.clone()]).collect();
    vec![
        line.number.to_string(),
        if line.selected { "yes" } else { "no" }.to_owned(),
        line.action.clone(),
        line.name.clone(),
        line.groups.join(","),
        line.login
            .as_ref()
            .map(|login| login.0.clone())
            .unwrap_or_default(),
        line.key
            .as_ref()
            .map(|key| key.0.clone())
            .unwrap_or_default(),
        what.join("; "),
    ]
}
