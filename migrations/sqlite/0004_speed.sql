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
