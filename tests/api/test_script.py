"""The joined script: what is changed in the modules, and which forms are refused."""

from __future__ import annotations

import pytest

from reelwright.api.script import join


def test_modules_become_functions_that_return_what_they_export() -> None:
    modules = {
        "sea": '// The sea.\nexport const depth = 3;\nexport async function* waves() {\n  yield "// no comment";\n}\n',
        "boat": 'import { depth, waves } from "./sea.js";\nimport * as sea from "./sea.js";\nexport class Boat {}\n',
    }
    assert join(modules) == (
        "const $sea = (() => {\n"
        'const depth = 3;\nasync function* waves() {\nyield "// no comment";\n}\n'
        "return { depth, waves };\n})();\n"
        "const $boat = (() => {\n"
        "const { depth, waves } = $sea;\nconst sea = $sea;\nclass Boat {}\n"
        "return { Boat };\n})();\n"
    )


def test_exports_may_be_taken_apart() -> None:
    assert "return {  a, b  };" in join({"x": "export const { a, b } = { a: 1, b: 2 };\n"})


@pytest.mark.parametrize(
    ("modules", "complaint"),
    [
        ({"a": 'import { b } from "./b.js";\n', "b": "export const b = 1;\n"}, "a.js imports b.js"),
        ({"a": "export default 1;\n"}, "a.js: 'export default 1;' is a form"),
        ({"a": 'import b from "./b.js";\n'}, "a.js: 'import b from"),
    ],
)
def test_what_it_does_not_understand_is_refused(modules: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        join(modules)
