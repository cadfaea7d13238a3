//! The rules: one SQL file each, with a header that is the rule's documentation.

use std::sync::LazyLock;

use super::Level;

/// One rule of the audit, as its file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `TN201`; stable.
    pub code: &'static str,
    /// `rls_not_enabled`; stable.
    pub name: &'static str,
    /// The level of its findings where the rule does not judge one otherwise.
    pub level: Level,
    /// What its findings are about: role, relation, policy, function, view, constraint, index and the like.
    pub object: &'static str,
    /// What is wrong, in a sentence.
    pub what: String,
    /// How it leaks.
    pub why: String,
    /// How to see it, as the request role.
    pub see: String,
    /// How to mend it.
    pub fix: String,
    /// One select over the expressions of the prelude, without a semicolon.
    pub body: &'static str,
    /// The file's name below `sql/audit`.
    pub file: &'static str,
}

/// The files, a line for each.
macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../sql/audit/", $name)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "tn101_app_role_superuser.sql",
    "tn102_app_role_bypassrls.sql",
    "tn103_app_role_can_become_bypass.sql",
    "tn104_app_role_owns_relation.sql",
    "tn105_app_role_member_of_owner.sql",
    "tn106_app_role_predefined_role.sql",
    "tn107_app_role_replication.sql",
    "tn108_app_role_createrole.sql",
    "tn109_app_role_mismatch.sql",
    "tn201_rls_not_enabled.sql",
    "tn202_policy_without_rls.sql",
    "tn203_rls_not_forced.sql",
    "tn204_partition_child_exposed.sql",
    "tn205_inheritance_child_exposed.sql",
    "tn206_unclassified_relation.sql",
    "tn207_materialized_view_exposed.sql",
    "tn208_foreign_table_exposed.sql",
    "tn209_tenant_column_nullable.sql",
    "tn210_no_policy_for_app.sql",
    "tn211_large_object_content.sql",
    "tn212_publication_without_filter.sql",
    "tn301_policy_always_true.sql",
    "tn302_policy_ignores_tenant.sql",
    "tn303_permissive_widens.sql",
    "tn304_policy_wrong_column.sql",
    "tn305_policy_tautology.sql",
    "tn306_policy_fail_open.sql",
    "tn307_policy_write_open.sql",
    "tn308_policy_write_using_open.sql",
    "tn309_restrictive_floor_misses.sql",
    "tn310_policy_bypass_setting.sql",
    "tn311_policy_identity_is_role.sql",
    "tn312_policy_weak_operator.sql",
    "tn313_policy_setting_mismatch.sql",
    "tn314_policy_depends_on_unprotected.sql",
    "tn315_policy_function_immutable.sql",
    "tn316_policy_function_search_path.sql",
    "tn317_policy_function_session_state.sql",
    "tn318_policy_admin_role_reachable.sql",
    "tn319_policy_unproven.sql",
    "tn320_policy_unset_raises.sql",
    "tn401_view_runs_as_owner.sql",
    "tn402_view_barrier_missing.sql",
    "tn403_view_write_bypass.sql",
    "tn404_secdef_function_bypass.sql",
    "tn405_secdef_search_path.sql",
    "tn406_secdef_trigger.sql",
    "tn407_rule_runs_as_owner.sql",
    "tn408_leakproof_function.sql",
    "tn409_function_overrides_tenant.sql",
    "tn410_event_trigger_ddl.sql",
    "tn501_truncate_granted.sql",
    "tn502_trigger_granted.sql",
    "tn503_references_granted.sql",
    "tn504_create_on_schema.sql",
    "tn505_default_privileges.sql",
    "tn506_public_grant.sql",
    "tn507_dangerous_extension_grant.sql",
    "tn601_fk_cross_tenant.sql",
    "tn602_fk_action_cross_tenant.sql",
    "tn603_unique_oracle.sql",
    "tn604_exclusion_oracle.sql",
    "tn605_sequence_shared.sql",
    "tn606_notify_payload.sql",
    "tn701_default_tenant_setting.sql",
    "tn702_session_scoped_setter.sql",
    "tn703_temp_table_persists.sql",
    "tn704_app_search_path.sql",
    "tn801_tenant_index_missing.sql",
    "tn802_policy_per_row_setting.sql",
    "tn803_policy_function_volatile.sql",
    "tn901_server_minor_vulnerable.sql",
];

/// All rules, in the order of their codes.
///
/// # Panics
/// Where a file of a rule has no such header: a fault of this program, which its tests find.
pub fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        FILES
            .iter()
            .map(|(file, text)| {
                parse(file, text).unwrap_or_else(|| panic!("sql/audit/{file} has no whole header"))
            })
            .collect()
    });
    &RULES
}

/// The rule of a code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.code == code)
}

fn parse(file: &'static str, text: &'static str) -> Option<Rule> {
    let (header, body) = text.split_once("\n\n")?;
    let field = |name: &str| -> Option<&'static str> {
        header.lines().find_map(|line| line.strip_prefix("-- ")?.strip_prefix(name)?.strip_prefix(": "))
    };
    // A line that continues a field begins with two more blanks.
    let long = |name: &str| -> Option<String> {
        let mut lines = header.lines().skip_while(|line| {
            line.strip_prefix("-- ")
                .and_then(|line| line.strip_prefix(name))
                .is_none_or(|line| !line.starts_with(": "))
        });
        let mut words = lines.next()?.split_once(": ")?.1.to_owned();
        for line in lines.map_while(|line| line.strip_prefix("--   ")) {
            words.push(' ');
            words.push_str(line.trim());
        }
        Some(words)
    };
    Some(Rule {
        code: field("code")?,
        name: field("name")?,
        level: field("level")?.parse().ok()?,
        object: field("object")?,
        what: long("what")?,
        why: long("why")?,
        see: long("see")?,
        fix: long("fix")?,
        body: body.trim(),
        file,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_rule_has_a_whole_header_and_a_bare_body() {
        let mut codes = BTreeSet::new();
        for rule in rules() {
            assert_eq!(rule.file, format!("{}_{}.sql", rule.code.to_lowercase(), rule.name));
            assert!(codes.insert(rule.code), "{} twice", rule.code);
            assert!(!rule.body.contains(';') || rule.body.contains('\''), "{}", rule.file);
            assert!(!rule.body.ends_with(';'), "{}", rule.file);
            for column in
                ["level", "object_type", "object_identity", "relation", "message", "detail", "fix", "content"]
            {
                assert!(rule.body.contains(&format!("as {column}")), "{} has no column {column}", rule.file);
            }
        }
        assert!(rules().is_sorted_by_key(|rule| rule.code));
    }

    #[test]
    fn each_file_of_a_rule_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/audit");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("tn"))
            .collect();
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, listed);
    }
}
