//! The services by name, and those that are not about the trash.

use super::{Reply, params::Params, trash};
use crate::{
    engine::model::Caller,
    http::{
        App,
        oracle::{
            auth::Asker,
            delete,
            error::{Refusal, refusing},
            wire::time,
        },
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    TenantConfig,
    UserInfo,
    MoveToTrash,
    BrowseTrash,
    Restore,
    DeleteFromTrash,
    EmptyTrash,
    JobStatus,
    JobData,
    Revisions,
    Activity,
}

const SERVICES: [(&str, Service); 11] = [
    ("SCS_GET_TENANT_CONFIG", Service::TenantConfig),
    ("GET_USER_INFO", Service::UserInfo),
    ("FLD_MOVE_TO_TRASH", Service::MoveToTrash),
    ("FLD_BROWSE_TRASH", Service::BrowseTrash),
    ("FLD_RESTORE", Service::Restore),
    ("FLD_DELETE_FROM_TRASH", Service::DeleteFromTrash),
    ("FLD_EMPTY_TRASH", Service::EmptyTrash),
    ("SCS_GET_BACKGROUND_SERVICE_JOB_STATUS", Service::JobStatus),
    ("SCS_GET_BACKGROUND_SERVICE_JOB_RESPONSE_DATA", Service::JobData),
    ("FLD_FILE_REVISIONS", Service::Revisions),
    ("GET_ACTIVITY_HISTORY", Service::Activity),
];

impl Service {
    pub(super) fn named(name: &str) -> Option<Self> {
        SERVICES.iter().find(|(known, _)| *known == name).map(|(_, service)| *service)
    }

    pub(super) fn name(self) -> &'static str {
        SERVICES.iter().find(|(_, service)| *service == self).map_or("", |(name, _)| *name)
    }

    /// Whether it changes anything: only by POST, and not with a key that only reads.
    pub(super) fn writes(self) -> bool {
        match self {
            Service::MoveToTrash | Service::Restore | Service::DeleteFromTrash | Service::EmptyTrash => true,
            Service::TenantConfig
            | Service::UserInfo
            | Service::BrowseTrash
            | Service::JobStatus
            | Service::JobData
            | Service::Revisions
            | Service::Activity => false,
        }
    }

    pub(super) async fn run(self, app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
        match self {
            Service::TenantConfig => Ok(Reply::default().with("IsSitesGovernanceEnabled", "0")),
            Service::UserInfo => Ok(user_info(caller)),
            Service::MoveToTrash => move_to_trash(app, caller, params).await,
            Service::BrowseTrash => trash::browse(app, caller, params).await,
            Service::Restore => trash::restore(app, caller, params).await,
            Service::DeleteFromTrash => trash::delete(app, caller, params).await,
            Service::EmptyTrash => trash::empty(app, caller, params).await,
            Service::JobStatus => trash::job_status(app, caller, params).await,
            Service::JobData => trash::job_data(app, caller, params).await,
            Service::Revisions => revisions(app, caller, params).await,
            Service::Activity => activity(app, caller, params).await,
        }
    }
}

fn user_info(caller: &Caller) -> Reply {
    let roles = match caller.is_admin() {
        true => "CECStandardUser,CECServiceAdministrator",
        false => "CECStandardUser",
    };
    Reply::default().with("IsSitesGovernanceEnabled", "0").with("UserRoles", roles)
}

async fn move_to_trash(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let item = params.item()?;
    let asker = Asker::signed_in(app, caller);
    delete::to_trash(app, &asker, &item, None).await.map_err(|refusal| refusal.about(&item.id))?;
    Ok(Reply::default())
}

const REVISIONS: [&str; 6] =
    ["fFileName", "dRevLabel", "dRevisionID", "dFileSize", "fLastModifiedDate", "fCreatorFullName"];

async fn revisions(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let item = params.item()?;
    let about = |refusal: Refusal| refusal.about(&item.id);
    let file = Asker::signed_in(app, caller).reach(&item).await.map_err(about)?;
    let versions = app.engine.versions(caller, file.node()).await.map_err(refusing(caller)).map_err(about)?;
    let rows = versions.into_iter().map(|version| {
        let number = version.version.to_string();
        let (size, modified) = (version.size.to_string(), time(version.modified_at));
        [version.name, number.clone(), number, size, modified, version.modifier.display_name]
    });
    Ok(Reply::default().with_rows("REVISIONS", REVISIONS, rows.collect()))
}

const ACTIVITY: [&str; 5] = ["dRevLabel", "dActivityType", "dActivityTs", "dNameFullName", "dNameLoginName"];

/// Nobody writes down who looked at what, so there is nothing to tell.
async fn activity(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let item = params.item()?;
    let about = |refusal: Refusal| refusal.about(&item.id);
    let reached = Asker::signed_in(app, caller).reach(&item).await.map_err(about)?;
    let wants = crate::engine::model::Rights::READ;
    app.engine.item(caller, reached.node(), wants).await.map_err(refusing(caller)).map_err(about)?;
    Ok(Reply::default().with_rows("ActivityHistory", ACTIVITY, Vec::new()))
}
