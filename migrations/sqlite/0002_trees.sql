-- Trash, single versions, rights and links, operations. Units as in 0001.

-- Each account's trash has an id that no node ever gets: a folder without a parent, with nothing below it.
alter table account add column trash_id bigint;
-- The holder has emptied the trash up to this entry; what is not spared is hidden and waits for its own mark.
alter table account add column emptied_to bigint not null default 0;

insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, private,
    created_at, modified_at)
select lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a'
        || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
    id, null, 'folder', 1, 0, 'Trash', 0, 0, 0, id, 1, created_at, created_at
from account;
update account set trash_id = (select n.id from node n where n.account_id = account.id and n.parent_id is null
    and n.id <> account.root_id);

-- The name in lower case: some vendors' names clash in any case.
alter table node add column folded text not null default '';
update node set folded = lower(name);
-- The rest of the alphabets is folded when the program opens the database (store/fold.rs).
insert into setting (name, value) select 'fold_names', '1' from node where name glob '*[^ -~]*' limit 1;
create index node_folded on node (parent_id, state, folded);
alter table node add column description text not null default '';
alter table node add column modifier_id bigint references account (id);     -- null: its creator
alter table node add column locked_at bigint;
alter table node add column last_version bigint not null default 1;         -- the highest number ever given
create index node_trashed on node (account_id) where state = 2;

-- state: 1 live, 2 trashed by itself, 3 deleted by itself (to be purged). A whole file's delete leaves these alone.
alter table version add column state bigint not null default 1 check (state in (1, 2, 3));
create index version_alone on version (state) where state <> 1;

-- Of which version alone the object is; null: the node goes as a whole.
alter table purge add column version_id bigint;

-- One entry a deletion. The node keeps its parent_id: that is where it came from.
create table trash (
    id          integer primary key autoincrement,
    uid         text   not null unique,
    node_id     bigint not null references node (id),
    version_id  bigint,                 -- a single version; null: the whole node
    account_id  bigint not null references account (id),    -- the owner
    holder_id   bigint not null references account (id),
    deleter_id  bigint references account (id),             -- null: nobody with a name, by a public link
    path        text   not null,        -- folder names above it, JSON list
    deleted_at  bigint not null,
    purge_after bigint not null,
    spared      bigint not null default 0   -- the value of emptied_to that passed it by, because of a hold
);
create index trash_holder on trash (holder_id, id);
create index trash_owner on trash (account_id, id);
create index trash_node on trash (node_id);
create index trash_due on trash (purge_after);
create index trash_spared on trash (holder_id) where spared <> 0;

-- Trashes that were emptied and whose entries wait for their own marks.
create table emptying (
    holder_id bigint not null primary key references account (id)
) without rowid;

-- A set of rights on a node and all below it, for an account: bits 1 read, 2 download, 4 write, 8 delete, 16 share.
create table share (
    node_id    bigint not null references node (id),
    account_id bigint not null references account (id),
    rights     bigint not null,
    created_at bigint not null,
    primary key (node_id, account_id)
) without rowid;
create index share_account on share (account_id);

create table link (
    id              integer primary key autoincrement,
    uid             text   not null unique,
    node_id         bigint not null references node (id),
    kind            text   not null check (kind in ('public', 'app')),
    creator_id      bigint not null references account (id),
    rights          bigint not null,
    name            text   not null,
    audience        text   not null check (audience in ('everybody', 'accounts', 'named')),
    accounts        text   not null,    -- the named ones' ids, JSON list; an applink has one
    code_hash       text,
    created_at      bigint not null,
    modified_at     bigint not null,
    expires_at      bigint,
    access_hash     text,
    access_until    bigint,
    refresh_hash    text,
    refresh_until   bigint
);
create index link_node on link (node_id);

-- A bulk request as a record, kept until its user has seen the end of it.
create table operation (
    id          integer primary key autoincrement,
    uid         text   not null unique,
    account_id  bigint not null references account (id),
    dialect     text   not null,
    kind        text   not null check (kind in ('move', 'copy', 'delete', 'duplicate', 'mark_as_read')),
    entries     text   not null,        -- the top-level entries as they were when it was accepted, JSON
    items       bigint not null,        -- to be handled in all
    done        bigint not null,
    failures    text   not null,        -- JSON list of name and reason
    created_at  bigint not null,
    finished_at bigint
);
create index operation_account on operation (account_id, id);
create index operation_finished on operation (finished_at) where finished_at is not null;

-- An entry of an operation that waits until nobody edits it any more.
create table waiting (
    operation_id bigint not null references operation (id),
    node_id      bigint not null,       -- gone by another way: then the entry fails
    request      text   not null,       -- how it is to be deleted, JSON
    primary key (operation_id, node_id)
) without rowid;
create index waiting_node on waiting (node_id);

-- Keys gain a third scope, permissions and a parent: what ends with the key it was made with.
create table new_api_key (
    id              integer primary key autoincrement,
    uid             text,               -- a key that one dialect lists by it
    account_id      bigint  not null references account (id),
    scope           text    not null check (scope in ('all', 'vault', 'onlyoffice')),
    session         bigint  not null,   -- ends when its account is switched off or its password changes
    parent_id       bigint,             -- ends with that key
    hash            text    not null unique,
    prefix          text    not null,
    postfix         text,               -- the last four characters, of a key with a uid
    description     text    not null,
    read_only       bigint  not null,
    write_only      bigint  not null default 0,
    from_password   bigint  not null,   -- a password stood behind it: it may make keys of any life
    created_at      bigint  not null,
    expires_at      bigint,
    renewable_until bigint,             -- a sign-in key slides its end forward, never past this
    revoked_at      bigint
);
insert into new_api_key (id, account_id, scope, session, hash, prefix, description, read_only, from_password, created_at,
    expires_at, renewable_until, revoked_at)
select id, account_id, scope, case scope when 'vault' then 1 else 0 end, hash, prefix, description, read_only,
    from_password, created_at, expires_at, renewable_until, revoked_at from api_key;
-- No id is given out twice.
update sqlite_sequence set seq = (select old.seq from sqlite_sequence old where old.name = 'api_key')
where name = 'new_api_key';
drop table api_key;
alter table new_api_key rename to api_key;
create index api_key_account on api_key (account_id);
create index api_key_parent on api_key (parent_id) where parent_id is not null;
