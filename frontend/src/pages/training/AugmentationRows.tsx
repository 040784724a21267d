/** A training sample untouched, and beside it what each augmentation makes of it by itself. */

import { Grid, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { Previews } from "../../ui/Previews";

export function AugmentationRows({ rows }: { rows: readonly Schemas["AugmentationRow"][] }): ReactNode {
  const { t } = useTranslation();
  if (!rows.length) return null;
  return (
    <Stack gap="xs" mt="md">
      <Text fw={600} size="sm">
        {t("form.eachAlone")}
      </Text>
      <Text size="xs" c="dimmed">
        {t("form.eachAloneHint")}
      </Text>
      {rows.map(({ setting, previews }) => {
        const name = t(`setting.${setting}.label`, { defaultValue: setting });
        return (
          <Grid key={setting} gap="xs" align="center" role="group" aria-label={name}>
            <Grid.Col span={{ base: 12, sm: 3 }}>
              <Text size="sm">{name}</Text>
            </Grid.Col>
            <Grid.Col span={{ base: 12, sm: 9 }}>
              <Previews previews={previews} isRow />
            </Grid.Col>
          </Grid>
        );
      })}
    </Stack>
  );
}
