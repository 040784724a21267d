/** What the images of a version are like, in a line or two. */

import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { CohortVersion } from "../../store/queries";

const rounded = (value: number): string => String(Number(value.toPrecision(3)));

export function FingerprintLine({ version }: { version: CohortVersion }): ReactNode {
  const { t } = useTranslation();
  const known = version.fingerprint;
  if (known.series === undefined) return null;
  const size = [known.columns, known.rows, ...((known.slices ?? 1) > 1 ? [known.slices] : [])];
  const spacing = known.spacing_mm_zyx;
  const parts = [
    t("cohorts.seriesCount", { count: known.series }),
    t("cohorts.groupCount", { count: known.groups ?? 0 }),
    size.map((side) => rounded(side ?? 0)).join(" × "),
    ...(spacing ? [`${spacing.toReversed().map(rounded).join(" × ")} mm`] : []),
    ...(known.modalities?.length ? [known.modalities.join(", ")] : []),
    t(known.channels === 3 ? "cohorts.colour" : "cohorts.grey"),
    ...(known.bits ? [t("cohorts.bits", { bits: known.bits })] : []),
    ...(known.horizon_days ? [t("cohorts.horizon", { days: known.horizon_days })] : []),
    ...(known.box_mm ? [t("cohorts.box", { size: `${known.box_mm.slice(-2).toReversed().map(rounded).join(" × ")} mm` })] : []),
    ...(!known.box_mm && known.box_px ? [t("cohorts.box", { size: `${known.box_px.slice(-2).toReversed().map(rounded).join(" × ")} px` })] : []),
  ];
  return (
    <Group gap={4}>
      <Text size="sm" c="dimmed">
        {parts.join(" · ")}
      </Text>
    </Group>
  );
}
