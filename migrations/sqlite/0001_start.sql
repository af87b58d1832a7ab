-- Times are microseconds since 1970 UTC; sizes are bytes; flags are 0 or 1; uids are lower-case UUIDs with hyphens.

create table setting (
    name  text not null primary key,
    value text not null
) without rowid;

create table account (
    id            integer primary key autoincrement,
    uid           text    not null unique,
    name          text    not null unique,
    display_name  text    not null,
    email         text    not null,
    role          text    not null check (role in ('admin', 'user')),
    password_hash text,
    disabled_at   bigint,
    quota         bigint  not null check (quota >= 0),      -- 0: none
    used          bigint  not null check (used >= 0),       -- live, trashed and pending bytes
    purging       bigint  not null check (purging >= 0),    -- marked, bytes not yet confirmed gone
    max_calls     bigint  not null check (max_calls >= 0),  -- a month, 0: no limit
    root_id       bigint,                                   -- null only until the same transaction makes it
    category_uid  text,                                     -- Sweeppea's "General", made on first use
    created_at    bigint  not null
);

create table api_key (
    id              integer primary key autoincrement,
    account_id      bigint  not null references account (id),
    scope           text    not null check (scope in ('all', 'vault')),
    hash            text    not null unique,
    prefix          text    not null,
    description     text    not null,
    read_only       bigint  not null,
    from_password   bigint  not null,   -- a password stood behind it: it may make keys of any life
    created_at      bigint  not null,
    expires_at      bigint,
    renewable_until bigint,             -- a sign-in key slides its end forward, never past this
    revoked_at      bigint
);
create index api_key_account on api_key (account_id);

-- Calls a month, counted for the monthly limit.
create table call_count (
    account_id bigint not null references account (id),
    month      text   not null,         -- 2026-11
    calls      bigint not null,
    primary key (account_id, month)
) without rowid;

-- state: 1 live, 2 trashed, 3 deleted (to be purged).
-- A folder's files, folders and bytes are the totals of its live subtree, itself left out.
-- A file's bytes are those of all its versions.
create table node (
    id          integer primary key autoincrement,
    uid         text   not null unique,
    account_id  bigint not null references account (id),
    parent_id   bigint,                 -- null: an account's root
    kind        text   not null check (kind in ('file', 'folder')),
    state       bigint not null check (state in (1, 2, 3)),
    depth       bigint not null check (depth between 0 and 100),
    name        text   not null,
    files       bigint not null check (files >= 0),
    folders     bigint not null check (folders >= 0),
    bytes       bigint not null check (bytes >= 0),
    version_id  bigint,                 -- a file's current version
    creator_id  bigint not null references account (id),
    group_uid   text,                   -- the Vault transfer it came with
    private     bigint not null,
    locked_by   bigint references account (id),
    created_at  bigint not null,
    modified_at bigint not null,
    expires_at  bigint,
    deleted_at  bigint,
    owes_answer bigint not null default 0   -- deleted by a call whose success was not yet answered
);
create index node_place on node (parent_id, state, name);
create index node_folder on node (parent_id) where kind = 'folder';
create index node_account on node (account_id, id) where kind = 'file' and state = 1;
create index node_name on node (account_id, name) where kind = 'file' and state = 1;
create index node_expiry on node (expires_at) where expires_at is not null;
create index node_locked on node (account_id) where locked_by is not null;

create table version (
    id          integer primary key autoincrement,
    node_id     bigint not null references node (id),
    number      bigint not null,
    size        bigint not null,
    sha256      text   not null,
    media_type  text   not null,
    object_key  text   not null unique,
    creator_id  bigint not null references account (id),
    created_at  bigint not null,
    unique (node_id, number)
);

create table edit_session (
    id         integer primary key autoincrement,
    node_id    bigint not null references node (id),
    account_id bigint not null references account (id),
    tab        text   not null,
    exclusive  bigint not null,
    expires_at bigint not null,
    unique (node_id, account_id, tab)
);

-- Retention is a hold with an end. The node may already be deleted: then its purge is parked.
create table hold (
    id         integer primary key autoincrement,
    node_id    bigint not null unique,
    account_id bigint not null references account (id),
    reason     text   not null,
    until      bigint,
    created_at bigint not null
);
create index hold_account on hold (account_id);

-- Bytes announced but not yet a version. The row goes when the node appears or the upload ends.
create table upload (
    id         integer primary key autoincrement,
    uid        text   not null unique,
    account_id bigint not null references account (id),     -- who will own the file
    creator_id bigint not null references account (id),
    group_uid  text,
    kind       text   not null check (kind in ('slot', 'transfer', 'direct')),
    chunked    bigint not null,
    name       text   not null,
    path       text   not null,         -- folder names, JSON list
    media_type text   not null,
    bytes      bigint not null check (bytes >= 0),          -- counted in the account's used
    complete   bigint not null,
    created_at bigint not null,
    expires_at bigint                   -- null: lives as long as its group
);
create index upload_account on upload (account_id, kind);
create index upload_group_uid on upload (group_uid) where group_uid is not null;
create index upload_expiry on upload (expires_at) where expires_at is not null;

-- An object that is being written or waits to become a version: the intent is here before the first byte is in storage.
create table staged (
    object_key text   not null primary key,
    upload_id  bigint,                  -- null: the upload ended while the bytes were still coming
    account_id bigint not null references account (id),
    start      bigint not null,
    size       bigint not null,
    sha256     text,                    -- null: still being written
    md5        text,
    created_at bigint not null
) without rowid;
create index staged_upload on staged (upload_id);

create table transfer (
    uid        text   not null primary key,     -- Vault's group
    account_id bigint not null references account (id),
    creator_id bigint not null references account (id),
    touched_at bigint not null,
    ended_at   bigint                           -- kept for ever: a group id is never used again
) without rowid;
create index transfer_open on transfer (touched_at) where ended_at is null;

-- Every uid that was given out for an upload and never became a node.
create table spent_uid (
    uid text not null primary key
) without rowid;

create table purge (
    id          integer primary key autoincrement,
    object_key  text   not null unique,
    store_version text,
    node_id     bigint not null,        -- 0: the bytes never became a file
    account_id  bigint not null references account (id),
    size        bigint not null,
    queued_at   bigint not null,
    not_before  bigint not null,
    lease_until bigint not null default 0,
    attempts    bigint not null default 0,
    last_error  text
);
create index purge_due on purge (not_before);
create index purge_node on purge (node_id);

-- Folders that are marked and whose content is not.
create table expansion (
    folder_id   bigint not null primary key,
    account_id  bigint not null references account (id),
    queued_at   bigint not null
) without rowid;
create index expansion_account on expansion (account_id);

-- What is left of a node: its ids, for ever. Name and size only until the deletion is acknowledged.
create table deletion (
    node_id    integer primary key,
    uid        text   not null unique,
    account_id bigint not null references account (id),
    kind       text   not null,
    deleted_at bigint not null,
    purged_at  bigint not null,
    name       text,
    size       bigint
);

create table audit (
    id         integer primary key autoincrement,
    at         bigint not null,
    account_id bigint not null,
    action     text   not null,
    dialect    text   not null,
    asked      bigint not null,
    done       bigint not null
);
create index audit_at on audit (at);
