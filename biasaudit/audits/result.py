"""What an audit hands to people: its tables, its headline, and ways to look at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from biasaudit.outputs import check_outputs, is_stream, write_output

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    from biasaudit.audits.manifest import Manifest
    from biasaudit.types import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer over all declared cells of one contrast.

    Attributes
    ----------
    tuned : str
        Tuned checkpoint.
    contrast : str
    relative_reduction : Estimate
        1 - sum of |B| after / sum of |B| before, over the cells that count: share of the inherited lean that is
        gone; unit ``relative``.
    n_cells : int
        Declared cells.
    counts : dict of str to int
        Cells per verdict.
    n_inherited : int
        Cells whose base interval excludes 0.
    left_out : dict of str to int
        Cells that the share leaves out, by reason.
    exploratory : bool
        Whether the contrast is another than the one named beforehand: its verdicts are leads.
    """

    tuned: str
    contrast: str
    relative_reduction: Estimate
    n_cells: int
    counts: dict[str, int]
    n_inherited: int
    left_out: dict[str, int] = field(default_factory=dict)
    exploratory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audit:
    """A finished audit.

    Attributes
    ----------
    manifest : Manifest
    items, responses, scores, estimates, families, comparisons, disparities, published : pandas.DataFrame
        See :mod:`biasaudit.audits.tables` for the columns.
    headlines : tuple of Headline
        One per tuned checkpoint and contrast, the last checkpoint first; the first is the one to quote.
    folder : Path or None
        Where the audit lies, if it was written.
    """

    manifest: Manifest
    items: pd.DataFrame
    responses: pd.DataFrame
    scores: pd.DataFrame
    estimates: pd.DataFrame
    families: pd.DataFrame
    comparisons: pd.DataFrame
    disparities: pd.DataFrame
    published: pd.DataFrame
    headlines: tuple[Headline, ...]
    folder: Path | None = field(default=None)

    @property
    def wordings(self) -> pd.DataFrame:
        """How far the index differs between wordings; see :data:`biasaudit.audits.tables.WORDINGS`."""
        from biasaudit.audits.families import wordings_frame  # noqa: PLC0415  # pandera is slow to import

        return wordings_frame(self.families)

    def metric_frame(
        self, probe: str, *, checkpoint: str = "tuned", framing: str = "plain", feature: str | None = None
    ) -> MetricFrame:
        """Return fairlearn's MetricFrame of an association probe, or of decisions.

        Parameters
        ----------
        probe : str
        checkpoint, framing : str
        feature : str, optional
            Only the groups of this sensitive feature; fairlearn's differences and ratios are then within it.

        Returns
        -------
        fairlearn.metrics.MetricFrame
            Of associations the mean probability of the first attribute given the group, and the count, by group.
            Of decisions the selection rate, the mean probability and the count, where selected is what is granted.
            Of decisions whose truth is known these and the false and true positive rates, where positive is what is
            denied, such as a comment that is called toxic.

        Raises
        ------
        EmptySampleError
            If there are no such rows, for example because the probe names no groups.
        """
        from biasaudit.audits.decision_cases import (  # noqa: PLC0415
            decision_cases,
            denied_by_group,
            granted_by_group,
            with_truth,
        )
        from biasaudit.audits.disparity import group_probabilities  # noqa: PLC0415
        from biasaudit.errors import EmptySampleError  # noqa: PLC0415
        from biasaudit.framing import Framing  # noqa: PLC0415
        from biasaudit.stats import metric_frame  # noqa: PLC0415

        def chosen(rows: pd.DataFrame) -> pd.DataFrame:
            here = (rows["probe"] == probe) & (rows["checkpoint"] == checkpoint) & (rows["framing"] == framing)
            return rows[here if feature is None else here & (rows["feature"] == feature)]

        framings = [Framing(**wording) for wording in self.manifest.plan["framings"]]
        named = chosen(group_probabilities(self.responses, self.items, framings))
        if len(named):
            return _of_probabilities(named)
        cases = chosen(decision_cases(self.responses, self.items, framings))
        if not cases["probability"].notna().any():
            where = f"{checkpoint}, {framing}" if feature is None else f"{checkpoint}, {framing}, {feature}"
            raise EmptySampleError(
                f"probe {probe!r} has no rows by group for {where}.",
                fix="Only association probes whose contexts name groups have them, and decisions between two groups.",
            )
        told = with_truth(cases)
        return metric_frame(denied_by_group(told) if len(told) else granted_by_group(cases))

    def chart(
        self,
        name: str = "reduction",
        *,
        tuned: str | None = None,
        contrast: str | None = None,
        framing: str = "plain",
        probe: str | None = None,
    ) -> alt.VConcatChart | alt.LayerChart:
        """Return a chart that shows itself in a notebook.

        Parameters
        ----------
        name : {"reduction", "arms", "competence", "stages", "wordings", "occupations", "decisions", "errors"}
        tuned, contrast : str, optional
            Else those of the headline.
        framing : str
        probe : str, optional
            For the charts of one probe, the last four; else the first that has what they show.

        Raises
        ------
        UsageError
            If there is no chart, or no checkpoint, contrast or probe, of that name.
        EmptySampleError
            If the audit has nothing that the chart shows.
        """
        from biasaudit.report.gallery import drawn  # noqa: PLC0415  # slow to import

        return drawn(self, name, tuned=tuned, contrast=contrast, framing=framing, probe=probe)

    def to_html(self, path: str | Path) -> Path:
        """Write the report to `path` and return it."""
        from biasaudit.report import render_html  # noqa: PLC0415  # slow to import

        check_outputs([path])
        return write_output(path, render_html(self))

    def to_markdown(self, path: str | Path) -> Path:
        """Write the report as Markdown, for a pull request or a card, to `path` and return it."""
        from biasaudit.report import render_markdown  # noqa: PLC0415  # slow to import

        check_outputs([path])
        return write_output(path, render_markdown(self))

    def to_model_card(self, path: str | Path, *, model_name: str | None = None, tuned: str | None = None) -> Path:
        """Write a Hugging Face model card: the report as its text, the index of every cell as its metadata.

        :func:`biasaudit.report.model_card` returns the card itself, to take text or metadata into another.

        Parameters
        ----------
        path : path
            A file that is not there yet.
        model_name : str, optional
            Else the last part of the tuned reference.
        tuned : str, optional
            Tuned checkpoint; else that of the headline.

        Raises
        ------
        UsageError
            If the file is there: a card says more than an audit does.
        """
        from biasaudit.errors import UsageError  # noqa: PLC0415
        from biasaudit.report import model_card  # noqa: PLC0415  # slow to import

        target = Path(path)
        if target.exists() and not is_stream(path):
            raise UsageError(
                f"{target} is there already.",
                fix="Name another file, and take its text and its model-index into the card.",
            )
        check_outputs([path])
        return write_output(path, str(model_card(self, model_name=model_name, tuned=tuned)), new=not is_stream(path))

    def to_csv(self, folder: str | Path) -> tuple[Path, ...]:
        """Write every table as CSV to `folder` and return the files.

        Lists are JSON. A text that a spreadsheet would compute (it begins with ``=``, ``+``, ``-``, ``@``, a tab or
        a new line) gets an apostrophe before it.
        """
        from biasaudit.report import write_csv  # noqa: PLC0415  # slow to import

        return write_csv(self, Path(folder))

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from biasaudit.report import render_notebook  # noqa: PLC0415  # slow to import

        return render_notebook(self)


def _of_probabilities(rows: pd.DataFrame) -> MetricFrame:
    import numpy as np  # noqa: PLC0415
    from fairlearn.metrics import MetricFrame, count, mean_prediction  # noqa: PLC0415  # slow to import

    return MetricFrame(
        metrics={"mean_probability": mean_prediction, "count": count},
        y_true=np.zeros(len(rows)),
        y_pred=rows["probability"].to_numpy(),
        sensitive_features=rows["group"].to_numpy(),
    )
