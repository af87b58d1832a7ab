-- What speed asks of the schema. Units as in 0001.

-- A version's object has one row there, and each version is queued once: only objects that never became one may be
-- queued again. The queue is the busiest table, and an index over random keys the dearest of all.
create table new_purge (
    id          integer primary key autoincrement,
    object_key  text   not null,
    store_version text,
    node_id     bigint not null,        -- 0: the bytes never became a file
    account_id  bigint not null references account (id),
    size        bigint not null,
    queued_at   bigint not null,
    not_before  bigint not null,
    lease_until bigint not null default 0,
    attempts    bigint not null default 0,
    last_error  text,
    version_id  bigint                  -- of which version alone the object is; null: the node goes as a whole
);
insert into new_purge (id, object_key, store_version, node_id, account_id, size, queued_at, not_before, lease_until,
    attempts, last_error, version_id)
select id, object_key, store_version, node_id, account_id, size, queued_at, not_before, lease_until, attempts,
    last_error, version_id from purge;
-- No id is given out twice.
delete from sqlite_sequence where name = 'new_purge';
insert into sqlite_sequence (name, seq) select 'new_purge', seq from sqlite_sequence where name = 'purge';
drop table purge;
alter table new_purge rename to purge;
create index purge_due on purge (not_before);
create index purge_node on purge (node_id);
create unique index purge_object on purge (object_key) where node_id = 0;

-- Indexes for deletes and lists of any size: a mark moves as few rows of them as can be.

-- What lies in a folder: the live ones in the order of lists, where names are looked up too, and the others.
create index node_child on node (parent_id, kind, folded) where state = 1;
create index node_not_live on node (parent_id) where state <> 1;
drop index node_place;
drop index node_folded;
-- A list of an account's files looks at the folders that they lie in: a trashed one hides them.
drop index node_account;
create index node_account on node (account_id, id, parent_id) where kind = 'file' and state = 1;
-- What an account's trash comes to is summed up here.
drop index node_trashed;
create index node_trashed on node (account_id, kind, id, bytes) where state = 2;

-- Whole nodes stand before single versions in every list.
drop index trash_holder;
create index trash_holder on trash (holder_id, id) where version_id is null;
create index trash_version on trash (holder_id, id) where version_id is not null;
-- What another than the owner holds: seldom, and looked for from both sides.
drop index trash_owner;
create index trash_owner on trash (account_id, id) where holder_id <> account_id;
create index trash_foreign on trash (holder_id, account_id) where holder_id <> account_id;

-- How often files of its tree that were there before were shown again: what lists remember of hidden ones ends then.
alter table account add column shown_again bigint not null default 0;

-- Entries of whole nodes that it holds and has not emptied: lists say how many there are.
alter table account add column entries bigint not null default 0;
update account set entries = (select count(*) from trash t where t.holder_id = account.id and t.version_id is null
    and (t.id > account.emptied_to or t.spared >= account.emptied_to));
