"""The shapes of layouts, of the rules by which one is chosen, and of a viewer's settings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MOST_ROWS = 4


class SeriesRuleSerializer(serializers.Serializer[Any]):
    """Which series goes into a pane: the first that fits."""

    study = serializers.ChoiceField(choices=["current", "prior"], default="current")
    modality = serializers.CharField(max_length=16, allow_blank=True, default="", help_text='"": any')
    description = serializers.CharField(
        max_length=64, allow_blank=True, default="", help_text='A part of it, in any case; "": any'
    )
    place = serializers.IntegerField(min_value=0, max_value=999, default=0, help_text="Of those that fit, from 0")


class ProjectionSerializer(serializers.Serializer[Any]):
    """What of a thick slab is seen."""

    mode = serializers.ChoiceField(choices=["none", "max", "min", "mean"], default="none")
    slabMm = serializers.FloatField(min_value=0, max_value=5000, default=10)  # noqa: N815 (the page's name)


class WindowSerializer(serializers.Serializer[Any]):
    """Centre and width of a window, in modality units."""

    center = serializers.FloatField()
    width = serializers.FloatField(min_value=1e-6)


class PaneSerializer(serializers.Serializer[Any]):
    """What a pane shows, and how."""

    kind = serializers.ChoiceField(choices=["stack", "plane", "solid"])
    plane = serializers.ChoiceField(choices=["axial", "coronal", "sagittal"], default="axial")
    projection = ProjectionSerializer(default=lambda: {"mode": "none", "slabMm": 10})
    fusion = SeriesRuleSerializer(allow_null=True, default=None)
    series = SeriesRuleSerializer(allow_null=True, default=None, help_text="null: what is open")
    window = WindowSerializer(allow_null=True, default=None)


class LinksSerializer(serializers.Serializer[Any]):
    """What panes do together."""

    scroll = serializers.BooleanField(default=False)
    window = serializers.BooleanField(default=False)
    place = serializers.BooleanField(default=False)


class LayoutSerializer(serializers.Serializer[Any]):
    """How many panes there are, and what is in them, row by row."""

    rows = serializers.IntegerField(min_value=1, max_value=MOST_ROWS)
    columns = serializers.IntegerField(min_value=1, max_value=MOST_ROWS)
    panes = PaneSerializer(many=True)
    links = LinksSerializer(default=lambda: {"scroll": False, "window": False, "place": False})

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse panes without a place."""
        if len(attrs["panes"]) > attrs["rows"] * attrs["columns"]:
            raise serializers.ValidationError("A layout has at most as many panes as places.")
        return attrs


class RulesSerializer(serializers.Serializer[Any]):
    """Which studies a protocol is for; what is empty asks for nothing."""

    is_automatic = serializers.BooleanField(default=False, help_text="Taken when a study that fits is opened")
    modalities = serializers.ListField(child=serializers.CharField(max_length=16), max_length=20, default=list)
    description = serializers.CharField(max_length=64, allow_blank=True, default="", help_text="A part of the study's")
    body_part = serializers.CharField(max_length=16, allow_blank=True, default="")
    fewest_series = serializers.IntegerField(min_value=0, max_value=10_000, allow_null=True, default=None)
    most_series = serializers.IntegerField(min_value=0, max_value=10_000, allow_null=True, default=None)


class NewHangingProtocolSerializer(serializers.Serializer[Any]):
    """A protocol to be kept."""

    name = serializers.CharField(max_length=60)
    is_shared = serializers.BooleanField(default=False, help_text="The team's, which managers make; else one's own")
    layout = LayoutSerializer()
    rules = RulesSerializer()
    rank = serializers.IntegerField(min_value=0, max_value=32_000, default=100)


class HangingProtocolChangeSerializer(serializers.Serializer[Any]):
    """What is to be different; what is left out stays."""

    based_on = serializers.IntegerField(min_value=1, help_text="The revision that was seen")
    name = serializers.CharField(max_length=60, required=False)
    layout = LayoutSerializer(required=False)
    rules = RulesSerializer(required=False)
    rank = serializers.IntegerField(min_value=0, max_value=32_000, required=False)


class HangingProtocolSerializer(serializers.Serializer[Any]):
    """A hanging protocol."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    is_shared = serializers.BooleanField()
    layout = LayoutSerializer()
    rules = RulesSerializer()
    rank = serializers.IntegerField()
    revision = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


class ViewerSettingsSerializer(serializers.Serializer[Any]):
    """An account's keys: act → keys as the page names them; acts that are left out have those that everybody has."""

    keys = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=40), max_length=8), default=dict
    )

    def validate_keys(self, value: dict[str, list[str]]) -> dict[str, list[str]]:
        """Refuse more than a viewer has acts."""
        if len(value) > 300 or any(len(name) > 60 for name in value):
            raise serializers.ValidationError("At most 300 acts, each of a name of at most 60 characters.")
        return value
