/** How large a part of the patients each split gets, in per cent; together they are a hundred. */

import { Group, NumberInput, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { SPLITS, type Split } from "../../store/cohorts";
import { sumOf } from "./datasetForms";

type Parts = Readonly<Record<Split, number>>;

export function SplitParts({ parts, onChange }: { parts: Parts; onChange: (parts: Parts) => void }): ReactNode {
  const { t } = useTranslation();
  const sum = sumOf(parts);
  return (
    <div>
      <Group gap="xs" grow>
        {SPLITS.map((split) => (
          <NumberInput
            key={split}
            label={t(`cohorts.splits.${split}`)}
            suffix=" %"
            min={0}
            max={100}
            value={parts[split]}
            onChange={(value) => {
              onChange({ ...parts, [split]: Number(value) || 0 });
            }}
          />
        ))}
      </Group>
      <Text size="xs" c={sum === 100 ? "dimmed" : "red"} mt={4}>
        {sum === 100 ? t("cohorts.byPatient") : t("cohorts.notHundred", { sum })}
      </Text>
    </div>
  );
}
