//! What happens to hosts, and to who may use them.

macro_rules! host_events {
    ({ $($before:tt)* } $next:ident $($rest:tt)*) => {
        $next! { {
            $($before)*
            /// A host came under management.
            "CLA300I" "host.adopted" HostAdopted {
                /// Where it is reached.
                addresses: Vec<IpAddr>,
                /// What a cloud calls it.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                cloud: Option<CloudId>,
                /// The groups it is in.
                groups: Vec<GroupId>,
                /// The host.
                host_id: HostId,
                /// The account that is used on it.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                login: Option<String>,
                /// Its name.
                name: String,
                /// What made it so.
                origin: AccessOrigin,
            } about [host(host_id), plan_of(origin)];
            /// Something about a host changed.
            "CLA301I" "host.updated" HostUpdated {
                /// What, apart from groups.
                changes: Vec<FieldChange>,
                /// The groups it is in now and was not before.
                groups_joined: Vec<GroupId>,
                /// The groups it was in before and is not now.
                groups_left: Vec<GroupId>,
                /// The host.
                host_id: HostId,
                /// The account that is used on it from now on.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                login: Option<String>,
                /// What made it so.
                origin: AccessOrigin,
            } about [host(host_id), plan_of(origin)];
            /// A host is no longer there; nobody has access to it.
            "CLA302I" "host.gone" HostGone {
                /// The host.
                host_id: HostId,
                /// What made it so.
                origin: AccessOrigin,
            } about [host(host_id), plan_of(origin)];
            /// A host that had been gone is there again.
            "CLA303I" "host.returned" HostReturned {
                /// The host.
                host_id: HostId,
                /// What made it so.
                origin: AccessOrigin,
            } about [host(host_id), plan_of(origin)];
            /// Who may use which account of a host became different.
            "CLA304I" "host.access_changed" HostAccessChanged {
                /// Who may, and could not before.
                gained: Vec<AccessLine>,
                /// The host.
                host_id: HostId,
                /// Who could before, and may not.
                lost: Vec<AccessLine>,
                /// What made it so.
                origin: AccessOrigin,
                /// How many more lines there are than this record names.
                unnamed: usize,
            } about [host(host_id), plan_of(origin)];
            /// A group of hosts was made.
            "CLA310I" "group.created" GroupCreated {
                /// The group.
                group_id: GroupId,
                /// The account that is used on its hosts, in place of each host's own.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                login: Option<String>,
                /// Its name.
                name: String,
                /// What made it so.
                origin: AccessOrigin,
            } about [group(group_id), plan_of(origin)];
            /// A group got another account for its hosts.
            "CLA311I" "group.login_changed" GroupLoginChanged {
                /// The group.
                group_id: GroupId,
                /// The account that is used on its hosts from now on.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                login: Option<String>,
            } about [group(group_id)];
            /// Somebody may use a host, or the hosts of a group, with a key.
            "CLA312I" "access.granted" AccessGranted {
                /// The entry.
                access_id: AccessId,
                /// Until when.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                expires: Option<Timestamp>,
                /// With which key.
                key: KeyFingerprint,
                /// As which account; without one, as that of the group or host.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                login: Option<String>,
                /// What made it so.
                origin: AccessOrigin,
                /// Which host or group.
                target: AccessTarget,
                /// Who.
                who: String,
            } about [access(access_id), Some(target.subject()), plan_of(origin)];
            /// An entry is no longer valid.
            "CLA313I" "access.revoked" AccessRevoked {
                /// The entry.
                access_id: AccessId,
                /// The key that it was for.
                key: KeyFingerprint,
                /// What made it so.
                origin: AccessOrigin,
                /// The host or group that it was for.
                target: AccessTarget,
                /// Whose it was.
                who: String,
            } about [access(access_id), Some(target.subject()), plan_of(origin)];
        } $($rest)* }
    };
}
