"""Settings on the page: of every step of the model, and versions."""

import re
from html import unescape

from sklearn.pipeline import make_pipeline

from rhohat import Whitening, report
from rhohat.inspection.report.settings import find_settings
from rhohat.inspection.report.subject import subjects_of


def test_there_is_a_table_of_each_step_and_each_layer(stack, digits):
    model = make_pipeline(Whitening(epsilon=0.25).fit(digits), stack)
    found = find_settings(subjects_of(model)[-1])
    captions = ["Whitening", "StackedAutoencoder", *["SparseAutoencoder"] * 3, "Versions"]
    assert [caption for caption, _ in found.tables] == captions
    assert found.tables[0][1]["epsilon"] == "0.25"
    assert {"rhohat", "numpy"} <= {name.lower() for name in found.tables[-1][1]}
    html = report(model).html
    assert html.count("<h3>Settings</h3>") == 1
    for caption, rows in found.tables:
        assert f"<caption>{caption}</caption>" in html
        for name, value in rows.items():
            told = re.findall(rf'<th scope="row">{name}</th><td>(.*?)</td>', html, re.DOTALL)
            assert value in map(unescape, told)


def test_what_concerns_one_run_is_left_out(odd):
    (_, rows), _ = find_settings(*subjects_of(odd[0])).tables
    assert rows["n_components"] == "12"
    assert not rows.keys() & {"callback", "n_jobs", "checkpoint"}
