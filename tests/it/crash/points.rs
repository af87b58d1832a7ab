//! Where the process can die, by what it is doing then. Behind `.committed` the commit of that step is durable.

use crate::dialects::Dialect;

/// Where an upload can be cut off, by the dialect that comes there, in the order of coming.
pub(super) const UPLOADS: [(Dialect, &[&str]); 3] = [
    (
        Dialect::Hexnode,
        &[
            "commit",
            "slot.open",
            "slot.open.committed",
            "slot.stage",
            "slot.stage.committed",
            "objects.put",
            "upload.written",
            "slot.put",
            "slot.put.committed",
            "slot.verify",
            "slot.verify.committed",
        ],
    ),
    (
        Dialect::Vault,
        &[
            "commit",
            "transfer.open",
            "transfer.open.committed",
            "transfer.add",
            "transfer.add.committed",
            "chunk.stage",
            "chunk.stage.committed",
            "objects.put",
            "upload.written",
            "chunk.put",
            "chunk.put.committed",
            "file.stage",
            "file.stage.committed",
            "file.finish",
            "file.finish.committed",
            "transfer.commit",
            "transfer.commit.committed",
        ],
    ),
    (
        Dialect::Sweeppea,
        &[
            "commit",
            "direct.stage",
            "direct.stage.committed",
            "objects.put",
            "upload.written",
            "direct.commit",
            "direct.commit.committed",
        ],
    ),
];

/// Where a delete can be cut off, from the call to the last trace of the file.
pub(super) const MARK: [&str; 3] = ["mark", "commit", "mark.committed"];
pub(super) const PURGE: [&str; 6] =
    ["purge.taken", "objects.delete", "objects.confirm", "purge.removed", "purge.finish", "purge.finish.committed"];
/// The worker takes what a call only marks; a call that waits has taken it with the mark, and is acknowledged.
pub(super) const TAKE: [&str; 2] = ["purge.take", "purge.take.committed"];
pub(super) const ACKNOWLEDGE: [&str; 2] = ["purge.acknowledge", "purge.acknowledge.committed"];
pub(super) const EXPAND: [&str; 2] = ["expand", "expand.committed"];

/// Steps that clean up after clients and storage.
pub(super) const CLEAN_UP: [&str; 10] = [
    "transfer.drop",
    "transfer.drop.committed",
    "transfer.drop_file",
    "transfer.drop_file.committed",
    "upload.give_up",
    "upload.give_up.committed",
    "direct.end",
    "direct.end.committed",
    "expire.uploads",
    "expire.uploads.committed",
];
pub(super) const PUT_OFF: [&str; 2] = ["purge.put_off", "purge.put_off.committed"];

/// Emptying a trash, up to the marks of what lay in it.
pub(super) const EMPTY: [&str; 4] = ["trash.empty", "trash.empty.committed", "expand.trash", "expand.trash.committed"];
/// What becomes of an operation.
pub(super) const OPERATIONS: [&str; 8] = [
    "operation.waiting",
    "operation.waiting.committed",
    "operation.terminate",
    "operation.terminate.committed",
    "operation.take",
    "operation.take.committed",
    "operation.forget",
    "operation.forget.committed",
];

/// Steps of an upload of unknown length and of a promoted version: `content/refused.rs` cuts them off.
pub(super) const CONTENT: [&str; 3] = ["content.commit", "content.stage", "promote.stage"];

/// Where a copy can be cut off: `tree/copying.rs` does it.
pub(super) const COPY: [&str; 6] = [
    "copy.stage",
    "copy.stage.committed",
    "copy.commit",
    "copy.commit.committed",
    "copy.give_up",
    "copy.give_up.committed",
];

/// Before what was put into an object store is copied: `servers.rs` cuts it off.
pub(super) const ADOPT: [&str; 2] = ["slot.adopt", "slot.adopt.committed"];

/// Where a migration can be broken off, in the order of coming: `migrate.rs` does it.
pub(crate) const MIGRATE: [&str; 13] = [
    "migrate.begin",
    "migrate.begin.committed",
    "migrate.copy",
    "migrate.copy.committed",
    "objects.put",
    "migrate.object",
    "migrate.versions",
    "migrate.versions.committed",
    "migrate.compared",
    "objects.delete",
    "migrate.unmarked",
    "migrate.finish",
    "migrate.finish.committed",
];
/// Where one starts over, because its source was used in between.
pub(super) const START_OVER: [&str; 2] = ["migrate.clear", "migrate.clear.committed"];

/// Steps of the engine in which nothing moves between database and disk: one commit, whole or not at all.
pub(super) const ONE_COMMIT: [&str; 45] = [
    "account.add",
    "account.calls",
    "account.category",
    "account.disable",
    "account.first",
    "account.passwd",
    "account.set",
    "alive",
    "edit.end",
    "edit.keep",
    "edit.start",
    "expire.applinks",
    "expire.edits",
    "expire.forget",
    "expire.staged",
    "files.move",
    "folder.make",
    "hold.add",
    "hold.remove",
    "key.add",
    "key.add_own",
    "key.end",
    "key.end_own",
    "key.renew",
    "key.revoke",
    "key.sign_in",
    "key.token",
    "lease",
    "leave",
    "link.add",
    "link.add_app",
    "link.change",
    "link.refresh",
    "link.remove",
    "lock.end",
    "lock.set",
    "node.move",
    "node.rename",
    "operation.move",
    "operation.read",
    "setting",
    "share.set",
    "start",
    "stop",
    "trash.restore",
];
