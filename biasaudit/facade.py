"""What an audit hands to people: its tables, its headline, and ways to look at them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

from biasaudit.outputs import check_outputs, is_stream, write_output
from biasaudit.plain_files import excerpt
from biasaudit.record.audit_record import AuditRecord

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    from fairlearn.metrics import MetricFrame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Audit(AuditRecord):
    """A finished audit, with ways to look at it.

    Its attributes are those of :class:`biasaudit.record.audit_record.AuditRecord`.
    """

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        """Return the same audit with ways to look at it."""
        return cls(**{field.name: getattr(record, field.name) for field in fields(record)})

    @property
    def wordings(self) -> pd.DataFrame:
        """How far the index differs between wordings; see :data:`biasaudit.record.tables.WORDINGS`."""
        from biasaudit.analysis.wordings import wordings_frame  # noqa: PLC0415  # pandera is slow to import

        return wordings_frame(self.families)

    def describe(self, table: str) -> pd.DataFrame:
        """Return what the columns of a table are, one row each, in the words of ``docs/audit-format.md``.

        Parameters
        ----------
        table : str
            One of :attr:`tables`, or ``wordings``.

        Returns
        -------
        pandas.DataFrame
            ``column``, ``type`` (text, number, count, true/false or list), ``unit`` (empty where there is none),
            ``may_be_missing`` and ``meaning``, in which numbers in brackets are sections of ``docs/methods.md``.
            Columns that an older audit lacks are left out.

        Raises
        ------
        UsageError
            If the audit has no table of that name.
        """
        from biasaudit.analysis.tables import TABLES  # noqa: PLC0415  # pandera is slow to import
        from biasaudit.errors import UsageError  # noqa: PLC0415
        from biasaudit.record.columns import described  # noqa: PLC0415
        from biasaudit.record.tables import WORDINGS  # noqa: PLC0415

        if table == "wordings":
            return described(WORDINGS)
        frame = self.tables.get(table)
        if frame is None:
            raise UsageError(
                f"this audit has no table {excerpt(table)}.",
                fix=f"Its tables: {', '.join([*self.tables, 'wordings'])}.",
            )
        columns = described(TABLES[table].schema)
        return columns[columns["column"].isin(frame.columns)].reset_index(drop=True)

    def metric_frame(
        self, probe: str, *, checkpoint: str = "tuned", framing: str = "plain", feature: str | None = None
    ) -> MetricFrame:
        """Return fairlearn's MetricFrame of an association probe, or of decisions.

        Parameters
        ----------
        probe : str
        checkpoint, framing : str
        feature : str, optional
            Only the groups of this sensitive feature. Needed where the probe has groups of several: fairlearn's
            differences and ratios would set a group of one against a group of another.

        Returns
        -------
        fairlearn.metrics.MetricFrame
            Of associations the mean probability of the first attribute given the group, and the count, by group.
            Of decisions the selection rate, the mean probability and the count, where selected is what is granted.
            Of decisions whose truth is known these and the false and true positive rates, where positive is what is
            denied, such as a comment that is called toxic.

        Raises
        ------
        UsageError
            If the probe has groups of several features, and none is named.
        EmptySampleError
            If there are no such rows, for example because the probe names no groups.
        """
        from biasaudit.analysis.asked_items import asked_items  # noqa: PLC0415  # pandera is slow to import
        from biasaudit.analysis.decision_cases import (  # noqa: PLC0415
            decision_cases,
            denied_by_group,
            granted_by_group,
            with_truth,
        )
        from biasaudit.analysis.disparity import group_probabilities  # noqa: PLC0415
        from biasaudit.errors import EmptySampleError, UsageError  # noqa: PLC0415
        from biasaudit.framing import Framing  # noqa: PLC0415
        from biasaudit.stats import metric_frame  # noqa: PLC0415

        def chosen(rows: pd.DataFrame) -> pd.DataFrame:
            here = (rows["probe"] == probe) & (rows["checkpoint"] == checkpoint) & (rows["framing"] == framing)
            found = rows[here if feature is None else here & (rows["feature"] == feature)]
            features = sorted(set(found["feature"]))
            if len(features) > 1:
                raise UsageError(
                    f"probe {probe!r} has groups of {len(features)} sensitive features, {', '.join(features)}; a "
                    "difference between a group of one and a group of another would mean nothing.",
                    fix=f"Name one, such as feature={features[0]!r}.",
                )
            return found

        framings = [Framing(**wording) for wording in self.manifest.plan["framings"]]
        items, responses = (rows[rows["probe"] == probe] for rows in (self.items, self.responses))
        asked = asked_items(items, responses)
        named = chosen(group_probabilities(asked, framings))
        if len(named):
            return _of_probabilities(named)
        cases = chosen(decision_cases(asked, framings))
        if not cases["probability"].notna().any():
            where = f"{checkpoint}, {framing}" if feature is None else f"{checkpoint}, {framing}, {feature}"
            features = sorted(set(items["feature"]))
            raise EmptySampleError(
                f"probe {probe!r} has no rows by group for {where}.",
                fix=f"Its features: {', '.join(features) or 'none'}. Only association probes whose contexts name "
                "groups have them, and decisions between two groups.",
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
        from biasaudit.report.charts.gallery import drawn  # noqa: PLC0415  # slow to import

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

        :func:`biasaudit.report.outputs.model_card` returns the card itself, to take text or metadata into another.

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

    def to_image(self, path: str | Path) -> Path:
        """Write one picture for sharing, 1200 x 630: models, answer with its interval, date, and the leans of both.

        Parameters
        ----------
        path : path
            A file that ends with .svg or .png; a stream gets SVG.

        Raises
        ------
        UsageError
            If it ends otherwise, or the picture could not be drawn.
        """
        from biasaudit.errors import UsageError  # noqa: PLC0415
        from biasaudit.outputs import suffix_of  # noqa: PLC0415
        from biasaudit.report import render_picture  # noqa: PLC0415  # slow to import
        from biasaudit.report.charts.drawn_apart import NotDrawnError, png_apart  # noqa: PLC0415
        from biasaudit.report.outputs.shared_picture import ENDINGS  # noqa: PLC0415

        ending = suffix_of(path, ENDINGS, default=ENDINGS[0])
        check_outputs([path])
        drawn = render_picture(self)
        if ending == ENDINGS[0]:
            return write_output(path, drawn)
        try:
            return write_output(path, png_apart(drawn))
        except NotDrawnError as exc:
            raise UsageError(
                f"{path} was not written: {exc}.",
                fix=f"Name a file that ends with {ENDINGS[0]}, which needs no drawing.",
            ) from exc

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
