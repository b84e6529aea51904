"""A figure that belongs to no window and to no global state, and that a notebook shows."""

from io import BytesIO

from matplotlib.figure import Figure


class Picture(Figure):
    """Matplotlib's figure with a picture of itself."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
