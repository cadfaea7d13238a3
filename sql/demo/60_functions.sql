-- Functions: what a tenant asks of the service that is more than one table's rows, called as /rpc/{name}.
-- Run by `rowhouse demo` after the files before it, in one transaction, by a superuser; a second run changes nothing.
--
-- All are SECURITY INVOKER (the default): they run as the request role, so the policies of the tables hold in them as they
-- hold in a plain request, and none of them names a tenant. A SECURITY DEFINER function would be a door past them.
-- Those in SQL have a standard body (`begin atomic`): its names were bound when the function was made, and, unlike a
-- function with a SET clause, one that returns a set can be inlined, so that a filter on its result reaches the index.
-- Volatility is a promise that the service builds on: a STABLE function may be called with GET and runs read only.

set local client_min_messages = warning;

set local role rowhouse_owner;

-- Reading.

create or replace function api.items_total()
returns bigint
language sql
stable
begin atomic
    select pg_catalog.count(*)
    from api.items as i;
end;
comment on function api.items_total() is 'How many items the tenant has.';

create or replace function api.item_titles()
returns setof text
language sql
stable
begin atomic
    select i.title
    from api.items as i
    order by i.title;
end;
comment on function api.item_titles() is 'The titles of the tenant''s items, in order.';

create or replace function api.search_items(query text, at_most integer default 10)
returns setof api.items
language sql
stable
begin atomic
    select i.*
    from api.items as i
    where pg_catalog.strpos(pg_catalog.lower(i.title), pg_catalog.lower(search_items.query)) > 0
    order by i.title
    limit search_items.at_most;
end;
comment on function api.search_items(text, integer) is
    'Items whose title contains a text, in whatever case; at most ten unless told otherwise.';

-- Variadic: a list in the body of a POST, a parameter given several times in a GET.
create or replace function api.items_titled(variadic titles text[])
returns setof api.items
language sql
stable
begin atomic
    select i.*
    from api.items as i
    where i.title = any (items_titled.titles)
    order by i.title;
end;
comment on function api.items_titled(text[]) is 'The items that have one of these titles.';

create or replace function api.tickets_by_status()
returns table (status text, tickets bigint)
language sql
stable
begin atomic
    select t.status, pg_catalog.count(*)
    from api.support_tickets as t
    group by t.status
    order by t.status;
end;
comment on function api.tickets_by_status() is 'How many tickets there are of each status.';

create or replace function api.desk_summary()
returns json
language sql
stable
begin atomic
    select pg_catalog.json_build_object(
        'tickets', pg_catalog.count(*),
        'open', pg_catalog.count(*) filter (where t.status = 'open'),
        'urgent', pg_catalog.count(*) filter (where t.priority = 'urgent')
    )
    from api.support_tickets as t;
end;
comment on function api.desk_summary() is 'The support desk in three numbers.';

-- One name, three functions: the names of the arguments that are sent choose.

create or replace function api.find_tickets(status text)
returns setof api.support_tickets
language sql
stable
begin atomic
    select t.*
    from api.support_tickets as t
    where t.status = find_tickets.status;
end;
comment on function api.find_tickets(text) is 'Tickets of a status.';

create or replace function api.find_tickets(status text, priority text)
returns setof api.support_tickets
language sql
stable
begin atomic
    select t.*
    from api.support_tickets as t
    where t.status = find_tickets.status
        and t.priority = find_tickets.priority;
end;
comment on function api.find_tickets(text, text) is 'Tickets of a status and a priority.';

create or replace function api.find_tickets(opened_since timestamptz)
returns setof api.support_tickets
language sql
stable
begin atomic
    select t.*
    from api.support_tickets as t
    where t.created_at >= find_tickets.opened_since;
end;
comment on function api.find_tickets(timestamptz) is 'Tickets opened at a time or later.';

-- A function of one argument that is a row of a table is a column of that table to those who ask for it by name.
create or replace function api.is_waiting(ticket api.support_tickets)
returns boolean
language sql
stable
return (ticket).status in ('open', 'pending');
comment on function api.is_waiting(api.support_tickets) is 'Whether somebody waits for an answer to the ticket.';

-- Writing. Volatile, and by that not to be had with GET.

create or replace function api.add_item(title text)
returns api.items
language sql
volatile
begin atomic
    insert into api.items (title)
    values (add_item.title)
    returning items.*;
end;
comment on function api.add_item(text) is 'Adds an item and returns it.';

-- One parameter without a name takes the body as it is.
create or replace function api.import_items(json)
returns setof api.items
language sql
volatile
begin atomic
    insert into api.items (title)
    select e.value ->> 'title'
    from pg_catalog.json_array_elements($1) as e (value)
    on conflict do nothing
    returning items.*;
end;
comment on function api.import_items(json) is
    'Adds the items of a list, leaves those that are already there, and returns the added ones.';

create or replace function api.close_ticket(ticket_id uuid)
returns void
language plpgsql
volatile
set search_path = ''
as $$
begin
    update api.support_tickets as t
    set status = 'closed'
    where t.id = close_ticket.ticket_id;

    if not found then
        -- PTnnn is answered with the status nnn. Another tenant's ticket is as absent as one that never was.
        raise sqlstate 'PT404' using
            message = 'there is no such ticket';
    end if;
end
$$;
comment on function api.close_ticket(uuid) is 'Closes a ticket.';

create or replace function api.escalate_ticket(ticket_id uuid)
returns api.support_tickets
language plpgsql
volatile
set search_path = ''
as $$
declare
    urgent bigint;
    ticket api.support_tickets;
begin
    select pg_catalog.count(*)
    into urgent
    from api.support_tickets as t
    where t.priority = 'urgent'
        and t.status in ('open', 'pending')
        and t.id <> escalate_ticket.ticket_id;

    if urgent >= 2 then
        raise sqlstate 'PT402' using
            message = 'no more than two tickets can be urgent',
            detail = pg_catalog.format('%s tickets are urgent and not solved.', urgent),
            hint = 'Solve one of them, or order the larger contract.';
    end if;

    update api.support_tickets as t
    set priority = 'urgent'
    where t.id = escalate_ticket.ticket_id
    returning t.*
    into ticket;

    if not found then
        raise sqlstate 'PT404' using
            message = 'there is no such ticket';
    end if;
    return ticket;
end
$$;
comment on function api.escalate_ticket(uuid) is 'Makes a ticket urgent. A tenant can have two that are, not more.';

-- The redirect of the link shortener. The settings decide status and headers of the answer.
create or replace function api.follow_link(slug text)
returns void
language plpgsql
volatile
set search_path = ''
as $$
declare
    target text;
begin
    -- For the policy that lets everybody follow a link and list none.
    perform pg_catalog.set_config('demo.link_followed', follow_link.slug, true);
    select l.url
    into target
    from api.links as l
    where l.id = follow_link.slug;

    if not found then
        raise sqlstate 'PT404' using
            message = 'there is no such link';
    end if;

    perform pg_catalog.set_config('response.status', '307', true);
    perform pg_catalog.set_config(
        'response.headers',
        pg_catalog.json_build_array(pg_catalog.json_build_object('Location', target))::text,
        true
    );
end
$$;
comment on function api.follow_link(text) is
    'Sends whoever follows a short link to where it leads.
@route GET /{slug}';

revoke all
on function
    api.items_total(),
    api.item_titles(),
    api.search_items(text, integer),
    api.items_titled(text[]),
    api.tickets_by_status(),
    api.desk_summary(),
    api.find_tickets(text),
    api.find_tickets(text, text),
    api.find_tickets(timestamptz),
    api.is_waiting(api.support_tickets),
    api.add_item(text),
    api.import_items(json),
    api.close_ticket(uuid),
    api.escalate_ticket(uuid),
    api.follow_link(text)
from public, rowhouse_app, rowhouse_anonymous;

grant execute
on function
    api.items_total(),
    api.item_titles(),
    api.search_items(text, integer),
    api.items_titled(text[]),
    api.tickets_by_status(),
    api.desk_summary(),
    api.find_tickets(text),
    api.find_tickets(text, text),
    api.find_tickets(timestamptz),
    api.is_waiting(api.support_tickets),
    api.add_item(text),
    api.import_items(json),
    api.close_ticket(uuid),
    api.escalate_ticket(uuid),
    api.follow_link(text)
to rowhouse_app;

-- The redirect is for everybody who has the link.
grant execute on function api.follow_link(text) to rowhouse_anonymous;
