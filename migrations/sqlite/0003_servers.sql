-- Many servers on one database, and stores that keep versions of an object. Units as in 0001.

-- A process that writes here. On a database of many servers, what one of them has begun is given up once it is silent.
create table writer (
    id          integer primary key autoincrement,
    batches     bigint not null,        -- committed so far: tells whether a commit whose answer was lost is one of them
    alive_until bigint not null
);

-- Work that one server at a time does for all of them.
create table lease (
    job       text   not null primary key,
    writer_id bigint not null,
    until     bigint not null
) without rowid;

-- The store's own name for the version of an object; null: it keeps none, or nobody knows.
alter table version add column store_version text;
alter table staged add column store_version text;
alter table staged add column writer_id bigint;     -- who writes it; null: the one server of an embedded installation
