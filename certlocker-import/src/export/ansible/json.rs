//! The JSON that an
//! [inventory script](https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html#inventory-scripts)
//! prints. With `_meta` in it Ansible does not ask for each host.

use serde_json::{Map, Value as Json, json};

use super::{Inventory, Value, Variables};

pub(super) fn text(inventory: &Inventory) -> String {
    let hosts = inventory.hosts.iter();
    let hosts: Map<String, Json> = hosts
        .map(|(name, variables)| (name.clone(), object(variables)))
        .collect();
    let children = ["ungrouped"].into_iter().map(str::to_owned);
    let children: Vec<String> = children.chain(inventory.groups.keys().cloned()).collect();
    let mut whole = json!({
        "_meta": { "hostvars": hosts },
        "all": { "children": children },
        "ungrouped": { "hosts": inventory.ungrouped },
    });
    for (name, group) in &inventory.groups {
        let mut members = json!({ "hosts": group.hosts });
        if !group.variables.is_empty() {
            members["vars"] = object(&group.variables);
        }
        whole[name.as_str()] = members;
    }
    written(&whole)
}

pub(super) fn host(variables: Option<&Variables>) -> String {
    written(&variables.map_or_else(|| json!({}), object))
}

fn object(variables: &Variables) -> Json {
    let value = |value: &Value| match value {
        Value::Number(number) => json!(number),
        Value::Text(text) => json!(text),
    };
    let members = variables
        .iter()
        .map(|(name, of)| ((*name).to_owned(), value(of)));
    Json::Object(members.collect())
}

fn written(value: &Json) -> String {
    format!("{value:#}\n")
}
