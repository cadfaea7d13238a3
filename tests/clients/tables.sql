-- Tables for the clients' tests, beside the demo's: the column types and relationships that the demo has no use for.
-- Loaded by scripts/clients, as the superuser of a cluster of its own. Two tenants have rows of the same keys, so that a
-- row of the other tenant would show by its words.

set local client_min_messages = warning;
set local role rowhouse_owner;

create table api.rooms (
    tenant_id uuid not null default tenancy.current_tenant_id() references tenancy.tenants on delete cascade,
    id integer not null,
    name text not null,
    -- Null where nobody has looked.
    heated boolean,
    floor integer,
    rent numeric(8, 2),
    tags text[] not null default '{}',
    seats int4range,
    facts jsonb not null default '{}',
    words tsvector generated always as (to_tsvector('english', name)) stored,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table api.persons (
    tenant_id uuid not null default tenancy.current_tenant_id() references tenancy.tenants on delete cascade,
    id integer not null,
    name text not null,
    boss_id integer,
    primary key (tenant_id, id),
    constraint persons_boss_fkey foreign key (tenant_id, boss_id) references api.persons (tenant_id, id)
);

-- From here several roads lead to persons: the host, who cleans, and the guests by way of another table.
create table api.bookings (
    tenant_id uuid not null default tenancy.current_tenant_id() references tenancy.tenants on delete cascade,
    id integer not null,
    room_id integer not null,
    host_id integer,
    cleaner_id integer,
    during tsrange not null,
    price integer not null default 10,
    note text default 'none',
    primary key (tenant_id, id),
    constraint bookings_room_fkey foreign key (tenant_id, room_id) references api.rooms (tenant_id, id),
    constraint bookings_host_fkey foreign key (tenant_id, host_id) references api.persons (tenant_id, id),
    constraint bookings_cleaner_fkey foreign key (tenant_id, cleaner_id) references api.persons (tenant_id, id)
);

create table api.guests (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    booking_id integer not null,
    person_id integer not null,
    primary key (tenant_id, booking_id, person_id),
    constraint guests_booking_fkey foreign key (tenant_id, booking_id) references api.bookings (tenant_id, id)
        on delete cascade,
    constraint guests_person_fkey foreign key (tenant_id, person_id) references api.persons (tenant_id, id)
);

-- One at the most for each booking.
create table api.invoices (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    booking_id integer not null,
    total integer not null,
    primary key (tenant_id, booking_id),
    constraint invoices_booking_fkey foreign key (tenant_id, booking_id) references api.bookings (tenant_id, id)
        on delete cascade
);

do $tables$
declare
    name text;
begin
    foreach name in array array['rooms', 'persons', 'bookings', 'guests', 'invoices'] loop
        execute format('alter table api.%I enable row level security', name);
        execute format('alter table api.%I force row level security', name);
        execute format(
            'create policy all_tenant on api.%I to rowhouse_app using (tenant_id = (select tenancy.current_tenant_id()))',
            name
        );
        execute format('grant select, insert, update, delete on api.%I to rowhouse_app', name);
    end loop;
end
$tables$;

select tenancy.declare_tenant_tables('api', 'For the clients to try.');

set local role rowhouse_app;

set local app.current_tenant_id = '7a245486-3fc8-47ec-b303-04fefe7a58ff';
insert into api.rooms (id, name, heated, floor, rent, tags, seats, facts)
values
    (1, 'Great Hall', true, 0, 120.50, '{large,stage}', '[10,200]', '{"colour": "red", "size": {"m2": 300}, "doors": [1, 2]}'),
    (2, 'Map Room', false, 1, 40.00, '{maps}', '[2,8]', '{"colour": "green", "size": {"m2": 24}}'),
    (3, 'Old Kitchen', null, -1, null, '{}', null, '{}'),
    (4, 'Reading Room, north', true, 1, 15.25, '{quiet,maps}', '[1,4]', '{"colour": "red", "size": {"m2": 12}}');
insert into api.persons (id, name, boss_id)
values (1, 'Ann', null), (2, 'Ben', 1), (3, 'Chris', 1);
insert into api.bookings (id, room_id, host_id, during, price, note)
values
    (1, 1, 1, '[2026-05-01 09:00,2026-05-01 12:00)', 100, 'jazz'),
    (2, 1, 2, '[2026-05-02 09:00,2026-05-02 12:00)', 50, null),
    (3, 2, 1, '[2026-05-03 09:00,2026-05-03 10:00)', 20, 'maps'),
    (4, 4, null, '[2026-05-01 12:00,2026-05-01 13:00)', 5, 'quiet');
insert into api.guests (booking_id, person_id)
values (1, 2), (1, 3), (2, 3), (3, 2);
insert into api.invoices (booking_id, total)
values (1, 110), (3, 22);

set local app.current_tenant_id = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915';
insert into api.rooms (id, name, heated, floor, rent, tags, seats, facts)
values
    (1, 'Warehouse', true, 0, 999.00, '{large,stage}', '[10,200]', '{"colour": "red"}'),
    (2, 'Annex', false, 1, 998.00, '{maps}', '[2,8]', '{"colour": "green"}');
insert into api.persons (id, name, boss_id)
values (1, 'Michael', null), (2, 'Dwight', 1), (3, 'Pam', 1);
insert into api.bookings (id, room_id, host_id, during, price, note)
values
    (1, 1, 1, '[2026-05-01 09:00,2026-05-01 12:00)', 900, 'dundies'),
    (2, 2, 2, '[2026-05-02 09:00,2026-05-02 12:00)', 901, 'beets');
insert into api.guests (booking_id, person_id)
values (1, 2), (1, 3), (2, 1);
insert into api.invoices (booking_id, total)
values (1, 909);

reset role;
notify rowhouse, 'reload';
