"""What MkDocs cannot read off docs/ by itself: the reference of the package, pages from outside docs/, formulas as MathML.

The reference is made from the package tree at build time, so a new or moved module needs no edit here.
"""

import html
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File

log = get_plugin_logger("pages")

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "aesthetic_pretraining"
SOURCE = f"src/{PACKAGE}"
# {file of the repository: (page of the site, its title)}
OUTSIDE = {
    "CONTRIBUTING.md": ("project/contributing.md", "Contributing"),
    "CHANGELOG.md": ("project/changelog.md", "Changelog"),
    "results/README.md": ("project/results.md", "Result files"),
    "profiles/README.md": ("project/profiles.md", "Profiles"),
}
RECORD = "results/record"  # whose figures docs/results.md shows
PICTURE = re.compile(rf"!\[([^\]]*)\]\((?:\.\./)+{RECORD}/([^)\s]+)\)")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>', re.S)


def on_config(config):
    """Add the generated pages to the navigation."""
    for section in config.nav:
        if "Project" in section:
            section["Project"] += [{title: page} for page, title in OUTSIDE.values()]
    config.nav.append({"Reference": ["reference/index.md", *(f"reference/{name}.md" for name in _reference())]})
    return config


def on_files(files, config):
    """Add the generated pages themselves."""
    reference = _reference()
    pages = {f"reference/{name}.md": _page(name, modules) for name, modules in reference.items()}
    pages["reference/index.md"] = _index(reference)
    pages |= {page: _moved((ROOT / name).read_text(), name, page) for name, (page, _) in OUTSIDE.items()}
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    for path in sorted((ROOT / RECORD).glob("*/*.png")):
        files.append(File.generated(config, f"record/{path.parent.name}/{path.name}", content=path.read_bytes()))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links that leave docs/ lead to the page made of their target, or become plain text."""
    if page.file.generated_by:
        return markdown
    return _moved(PICTURE.sub(r"![\1](record/\2)", markdown), f"docs/{page.file.src_uri}", page.file.src_uri)


def on_page_content(content, page, config, files):
    """Formulas as MathML, which browsers draw without a script."""

    def formula(found):
        return convert(html.unescape(found[2]), display="inline" if found[1] == "span" else "block")

    return FORMULA.sub(formula, content)


def _reference() -> dict[str, list[str]]:
    """{page: its modules}: a page for each subpackage, and one for the modules beside them."""
    pages: dict[str, list[str]] = {}
    package = ROOT / SOURCE
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not parts or any(part.startswith("_") for part in parts):
            continue
        page = parts[0] if (package / parts[0]).is_dir() else "modules"
        pages.setdefault(page, []).append(".".join((PACKAGE, *parts)))
    return dict(sorted(pages.items(), key=lambda item: (item[0] == "modules", item[0])))


def _page(name: str, modules: list[str]) -> str:
    title = f"{PACKAGE}.{name}" if name != "modules" else f"Modules of {PACKAGE}"
    blocks = [f"::: {module}\n    options:\n      show_submodules: false\n" for module in modules]
    return "\n".join([f"# `{title}`\n", *blocks])


def _index(reference: dict[str, list[str]]) -> str:
    lines = [
        "# Reference",
        "",
        "All modules, from their docstrings. [Architecture](../architecture.md) tells how they fit together.",
        "",
    ]
    for page, modules in reference.items():
        lines += [f"## [{page}]({page}.md)", ""]
        lines += [f"- [`{module}`]({page}.md#{module})" for module in modules] + [""]
    return "\n".join(lines)


def _moved(text: str, source: str, page: str) -> str:
    """The text of a file of the repository with its links as they have to be on its page; code stays as it is."""
    parts = re.split(r"(^```.*?^```|`[^`\n]*`(?!\]))", text, flags=re.S | re.M)
    return "".join(part if i % 2 else LINK.sub(lambda found: _link(found, source, page), part) for i, part in enumerate(parts))


def _link(found: re.Match, source: str, page: str) -> str:
    label, target = found.groups()
    path, _, anchor = target.partition("#")
    if not path or re.match(r"[a-z]+:", target):
        return found[0]
    place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if place.startswith("docs/"):
        new = place.removeprefix("docs/")
    elif place in OUTSIDE:
        new = OUTSIDE[place][0]
    elif not (ROOT / place).exists():
        log.warning(f"{source}: the link to '{target}' leads nowhere")
        return found[0]
    elif place.startswith(f"{SOURCE}/") and place.endswith(".py"):
        new, anchor = _anchor(place)
    else:
        return label
    return f"[{label}]({posixpath.relpath(new, posixpath.dirname(page) or '.')}{'#' + anchor if anchor else ''})"


def _anchor(place: str) -> tuple[str, str]:
    """Where the reference has the module of a source file."""
    module = place.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for page, modules in _reference().items():
        if module in modules:
            return f"reference/{page}.md", module
    return "reference/index.md", ""
