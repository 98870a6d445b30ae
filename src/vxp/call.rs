//! Which call a request is: path below a prefix, and method.

/// The calls of the VXP SDK, and the box's own `proofEdoc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    SendEdoc,
    GetReceivedEdocList,
    GetEdoc,
    DownloadEdoc,
    UpdateStatus,
    GetSentEdocList,
    CountReceiveEdoc,
    CountReceiveStatus,
    GetAgenciesList,
    GetAgenciesListQd20,
    GetSynchronizeUnit,
    RegisterAgency,
    DeleteAgency,
    ProofEdoc,
}

impl Call {
    pub(super) const ALL: [Self; 14] = [
        Self::SendEdoc,
        Self::GetReceivedEdocList,
        Self::GetEdoc,
        Self::DownloadEdoc,
        Self::UpdateStatus,
        Self::GetSentEdocList,
        Self::CountReceiveEdoc,
        Self::CountReceiveStatus,
        Self::GetAgenciesList,
        Self::GetAgenciesListQd20,
        Self::GetSynchronizeUnit,
        Self::RegisterAgency,
        Self::DeleteAgency,
        Self::ProofEdoc,
    ];

    /// The last segment of the path.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SendEdoc => "sendEdoc",
            Self::GetReceivedEdocList => "getReceivedEdocList",
            Self::GetEdoc => "getEdoc",
            Self::DownloadEdoc => "downloadEdoc",
            Self::UpdateStatus => "updateStatus",
            Self::GetSentEdocList => "getSentEdocList",
            Self::CountReceiveEdoc => "countReceiveEdoc",
            Self::CountReceiveStatus => "countReceiveStatus",
            Self::GetAgenciesList => "getAgenciesList",
            Self::GetAgenciesListQd20 => "getAgenciesListQD20",
            Self::GetSynchronizeUnit => "getSynchronizeUnit",
            Self::RegisterAgency => "registerAgency",
            Self::DeleteAgency => "deleteAgency",
            Self::ProofEdoc => "proofEdoc",
        }
    }

    /// The methods it is called with.
    pub(super) const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::DownloadEdoc | Self::ProofEdoc => &["GET"],
            Self::CountReceiveEdoc | Self::CountReceiveStatus => &["POST", "GET"],
            _ => &["POST"],
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }
}

/// Where a request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Call(Call),
    /// A synchronous service call that the software sends through its security server.
    Forward,
    Unknown,
}

/// Finds the call. The path is taken as it came: no segment is decoded or resolved, so none can be disguised.
pub(super) fn route(prefixes: &[String], path: &str, query: Option<&str>) -> Route {
    let mut route = Route::Unknown;
    for prefix in prefixes {
        let (prefix, anything_between) = match prefix.strip_suffix("/*") {
            Some(prefix) => (prefix, true),
            None => (prefix.trim_end_matches('/'), false),
        };
        let Some(below) = path.strip_prefix(prefix) else {
            continue;
        };
        if !below.is_empty() && !below.starts_with('/') {
            continue;
        }
        let last = below.rsplit('/').next().unwrap_or("");
        if (anything_between || below.len() == last.len() + 1)
            && let Some(call) = Call::named(last)
        {
            return Route::Call(call);
        }
        // An endpoint configured with a query gets the call's name appended behind it.
        let behind = query.and_then(|query| query.rsplit_once('/'));
        if let Some(call) = behind.and_then(|(_, name)| Call::named(name)) {
            return Route::Call(call);
        }
        if query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("dstcode="))) {
            route = Route::Forward;
        }
    }
    route
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> Route {
        let prefixes = crate::vxp::Config::new("systems.toml".into()).prefixes;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        route(&prefixes, path, query)
    }

    #[test]
    fn calls_hang_below_both_prefixes_whatever_query_stands_behind() {
        for call in Call::ALL {
            let name = call.name();
            for target in [
                format!("/XrdAdapter/adapter/{name}"),
                format!("/XrdAdapter/adapter/{name}?dstcode=x&providerurl=y"),
                format!("/XrdAdapter/RestService/forward/{name}?dstcode=x&providerurl=y"),
                format!("/XrdAdapter/RestService/forward/vxp/1/{name}"),
                format!(
                    "/XrdAdapter/RestService/forward/vxp?dstcode=a:b&providerurl=http://c/{name}"
                ),
            ] {
                assert_eq!(of(&target), Route::Call(call), "{target}");
            }
        }
    }

    #[test]
    fn service_calls_are_told_from_unknown_paths() {
        assert_eq!(
            of(
                "/XrdAdapter/RestService/forward/csdl/hokhau?dstcode=VN:GOV:000.00.00.G22:HK&providerurl=http://p"
            ),
            Route::Forward
        );
        for unknown in [
            "/",
            "/sendEdoc",
            "/XrdAdapter/adapter",
            "/XrdAdapter/adapter/",
            "/XrdAdapter/adapter/x/sendEdoc",
            "/XrdAdapter/adapter/sendedoc",
            "/XrdAdapter/adapter/sendEdoc/",
            "/XrdAdapter/adapter//sendEdoc",
            "/XrdAdapter/adapter/%73endEdoc",
            "/XrdAdapter/adapterx/sendEdoc",
            "/XrdAdapter/RestService/forward/x",
        ] {
            assert_eq!(of(unknown), Route::Unknown, "{unknown}");
        }
    }
}
