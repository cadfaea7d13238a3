"""Holds the service to its OpenAPI document.

The document must be valid; then Schemathesis makes requests from it, some for each operation a round, and each answer must be
one that the document allows, with its status, its media type, its headers and its schema. Every 5xx is a fault.
"""

import os
import random
import sys
from collections import Counter

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

URL = os.environ["CLIENTS_URL"]
TOKEN = os.environ["CLIENTS_TOKEN_LESLIE"]
# A run that found something is repeated with its seed: it makes the same requests.
SEED = int(os.environ.get("CONFORMANCE_SEED", random.randrange(2**32)))
EXAMPLES_AT_A_TIME = 15


def fetch():
    answer = requests.get(f"{URL}/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def tame(case):
    """Leaves out what the document cannot say, or what would only ever be refused."""
    headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "x-tenant-id"}
    headers["Authorization"] = f"Bearer {TOKEN}"
    case.headers = headers
    query = dict(case.query or {})
    # A narrowed answer lacks members that its schema requires, as the description of `select` says.
    query.pop("select", None)
    # Filters that are random text are all refused alike; some of them are made right.
    for name in list(query):
        if name in ("limit", "offset"):
            continue
        if random.random() < 0.7:
            del query[name]
        elif name not in ("order", "and", "or", "columns", "on_conflict") and random.random() < 0.6:
            query[name] = random.choice(["is.null", "not.is.null", "eq.1", "in.(a,b)", "gt.0"])
    case.query = query
    return case


def judge(case, response):
    """Raises where the document does not allow the answer."""
    wanted = [not_a_server_error, checks.status_code_conformance, checks.response_headers_conformance]
    # OpenAPI cannot say that an answer may have no body: that of a write that returns nothing.
    if response.content:
        wanted += [checks.content_type_conformance, checks.response_schema_conformance]
    case.validate_response(response, checks=wanted)


def main():
    document = fetch()
    validate(document, cls=OpenAPIV31SpecValidator)
    print(f"the document is valid: {len(document['paths'])} paths; requests with CONFORMANCE_SEED={SEED}", flush=True)

    random.seed(SEED)
    rounds = int(sys.argv[1])
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=URL)
    operations = [result.ok() for result in schema.get_all_operations()]
    answers, faults = Counter(), {}

    for number in range(1, rounds + 1):
        for operation in operations:

            @seed(SEED + number)
            @settings(
                max_examples=EXAMPLES_AT_A_TIME,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def ask(case):
                case = tame(case)
                response = case.call(timeout=30)
                answers[response.status_code] += 1
                try:
                    judge(case, response)
                except (Failure, FailureGroup) as failure:
                    failures = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
                    for one in failures:
                        key = (operation.label, type(one).__name__, response.status_code)
                        faults.setdefault(key, (one, case.as_curl_command(), response.text))

            ask()

    print(f"{sum(answers.values())} requests in {rounds} rounds: {dict(sorted(answers.items()))}")
    for (operation, kind, status), (failure, curl, text) in faults.items():
        print(f"\n{operation}: {kind}, {status}\n{failure}\n{curl.replace(TOKEN, '...')}\n{text[:1000]}")
    if len(answers) < 3 or not answers[200]:
        sys.exit("hardly anything was tried")
    if faults:
        sys.exit(f"{len(faults)} kinds of answers that the document does not allow")


main()
