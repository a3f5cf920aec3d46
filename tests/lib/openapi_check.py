"""Holds an OpenAPI 3.0 document against the schema that its initiative
publishes (Debian's openapi-specification), and answers against the document.

    openapi_check.py DOCUMENT [METHOD PATH STATUS FILE]...

Says what is wrong and ends with 1, or ends with 0.
"""
import json
import sys

import jsonschema

SCHEMA = "/usr/share/openapi-specification/schemas/v3.0/schema.json"


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def plain(node):
    """OpenAPI's nullable in the words of JSON Schema."""
    if isinstance(node, list):
        return [plain(x) for x in node]
    if not isinstance(node, dict):
        return node
    out = {k: plain(v) for k, v in node.items() if k != "nullable"}
    if node.get("nullable") is True:
        return {"anyOf": [out, {"type": "null"}]}
    return out


def complain(what, errors):
    for e in errors:
        where = "/".join(str(x) for x in e.absolute_path)
        print(f"{what}: {where}: {e.message[:300]}")
    return bool(errors)


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for x in node:
            yield from references(x)


def main():
    doc = load(sys.argv[1])
    bad = complain("document", list(
        jsonschema.Draft4Validator(load(SCHEMA)).iter_errors(doc)))
    names = doc["components"]["schemas"]
    for ref in references(doc):
        if ref.rsplit("/", 1)[-1] not in names:
            print(f"document: {ref} leads nowhere")
            bad = True
    ids = [op["operationId"] for item in doc["paths"].values()
           for op in item.values()]
    if len(ids) != len(set(ids)):
        print("document: an operationId is there twice")
        bad = True
    for op in (o for item in doc["paths"].values() for o in item.values()):
        if not op["summary"]:
            print(f"document: {op['operationId']} has no summary")
            bad = True
    args = sys.argv[2:]
    for method, path, status, body in zip(*[iter(args)] * 4):
        answers = doc["paths"][path][method.lower()]["responses"]
        content = answers.get(status, answers["default"]).get("content", {})
        if "application/json" not in content:
            continue
        schema = plain(content["application/json"]["schema"])
        schema["components"] = plain(doc["components"])
        bad |= complain(f"{method} {path} {status}", list(
            jsonschema.Draft4Validator(schema).iter_errors(load(body))))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
