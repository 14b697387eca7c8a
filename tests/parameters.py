"""Values of params.yaml by dotted keys."""

SCALES = ("smoke", "demo", "paper")


def leaves(node, prefix=""):
    """{dotted key: value} of everything below that is no mapping."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {k: v for key, value in node.items() for k, v in leaves(value, f"{prefix}.{key}" if prefix else key).items()}


def put(params, key, value):
    """`params` with `value` at the dotted key, in the chosen scale if the key is not common to all scales."""
    own = f"scales.{params['scale']}.{key}"
    *path, last = (own if own in leaves(params) else key).split(".")
    node = params
    for part in path:
        node = node[part]
    node[last] = value
    return params
