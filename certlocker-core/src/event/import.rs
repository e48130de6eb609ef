//! What happens to plans of imports.

macro_rules! import_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A plan was made.
            "CLA320I" "import.planned" ImportPlanned {
                /// How many batches it has.
                batches: u32,
                /// SHA-256 of the hosts that it was computed from.
                computed_from: String,
                /// How many lines there are of each kind.
                lines: LineCounts,
                /// The plan.
                plan_id: ImportPlanId,
                /// Where the hosts were found.
                source: String,
                /// The plan that this one takes back.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                undoes: Option<ImportPlanId>,
            } about [plan(plan_id), undoes.as_ref().and_then(plan)];
            /// A part of a plan was stored.
            "CLA321I" "import.batch_planned" ImportBatchPlanned {
                /// Its number, from 0.
                batch: u32,
                /// How many lines it has.
                lines: usize,
                /// The plan.
                plan_id: ImportPlanId,
                /// SHA-256 of its lines as they are stored.
                sha256: String,
            } about [plan(plan_id)];
            /// A plan is whole, and can be read, edited and applied.
            "CLA322I" "import.ready" ImportReady {
                /// The plan.
                plan_id: ImportPlanId,
            } about [plan(plan_id)];
            /// A line of a plan was changed by a person.
            "CLA323I" "import.line_edited" ImportLineEdited {
                /// What is different.
                changes: Vec<FieldChange>,
                /// The line.
                line: u32,
                /// The plan.
                plan_id: ImportPlanId,
            } about [plan(plan_id)];
            /// A plan was begun to be applied.
            "CLA324I" "import.started" ImportStarted {
                /// The plan.
                plan_id: ImportPlanId,
            } about [plan(plan_id)];
            /// A plan was not applied, because it does not fit what is there.
            "CLA324E" "import.refused" ImportRefused {
                /// The first differences.
                differences: Vec<String>,
                /// The plan.
                plan_id: ImportPlanId,
                /// How many differences there are.
                total: usize,
            } about [plan(plan_id)];
            /// A batch of a plan was applied, whole.
            "CLA325I" "import.batch_applied" ImportBatchApplied {
                /// Its number, from 0.
                batch: u32,
                /// How many hosts it changed.
                hosts: usize,
                /// The plan.
                plan_id: ImportPlanId,
            } about [plan(plan_id)];
            /// Every batch of a plan was applied.
            "CLA326I" "import.applied" ImportApplied {
                /// The plan.
                plan_id: ImportPlanId,
            } about [plan(plan_id)];
            /// A credential of a cloud, or a private key of hosts, was kept.
            "CLA330I" "credential.kept" CredentialKept {
                /// The credential.
                credential_id: CredentialId,
                /// What it is of, as a word that does not change.
                kind: String,
                /// Its name.
                name: String,
                /// Its secret parts.
                secrets: Vec<SecretId>,
            } about [credential(credential_id)];
            /// A credential was removed, and its secrets replaced by nothing.
            "CLA331I" "credential.removed" CredentialRemoved {
                /// The credential.
                credential_id: CredentialId,
                /// Its name.
                name: String,
            } about [credential(credential_id)];
        } $($rest)* }
    };
}
