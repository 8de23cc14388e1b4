"""The page's look: a calm theme on system fonts, so that a page without internet asks for nothing from outside."""

from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils.sizes import Size

STYLE_SHEET = Path(__file__).parent.parent / "assets" / "style.css"
FONTS = ("Segoe UI", "Helvetica Neue", "Arial", "sans-serif")
# Gradio's own smallest are 9, 10 and 12 pixels, which nobody reads at ease.
TEXT_SIZES = Size(name="lab", xxs="13px", xs="13px", sm="13px", md="14px", lg="16px", xl="22px", xxl="26px")
MONO_FONTS = ("SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def build_theme() -> Base:
    """Teal on warm grey, with roomy corners; `assets/style.css` does the rest."""
    theme = Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="stone",
        radius_size="lg",
        spacing_size="md",
        text_size=TEXT_SIZES,
        font=list(FONTS),
        font_mono=list(MONO_FONTS),
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_border_width="1px",
        block_label_text_weight="600",
        block_title_text_weight="600",
        block_title_text_size="*text_sm",
        block_info_text_size="*text_sm",
        # Soft words have a contrast of 4.5:1 or more on every ground that they stand on; Gradio's own have 2.5:1.
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_400",
        link_text_color="*secondary_700",
        link_text_color_dark="*secondary_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        color_accent="*primary_700",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_600",
        checkbox_border_color_selected="*primary_700",
        slider_color="*primary_600",
        checkbox_label_background_fill="white",
        checkbox_label_background_fill_dark="*neutral_900",
        panel_border_width="0px",
    )
