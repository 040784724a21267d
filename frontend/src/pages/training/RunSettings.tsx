/** What a run was told, by groups; what differs from the cohort's defaults is marked. */

import { Badge, Code, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useRecipes, type RecipeField, type Training } from "../../store/queries";
import { GROUPS, isSame, steeringOf } from "./fields";

export function RunSettings({ team, training }: { team: string; training: Training }): ReactNode {
  const { t } = useTranslation();
  const { cohort, cohort_version: version, config } = training;
  const recipes = useRecipes(team, { cohort, version, ...steeringOf(config) });
  const fields = recipes.data?.find(({ name }) => name === training.recipe)?.fields ?? [];
  const known = new Map(fields.map((field) => [field.name, field]));
  const entries = Object.entries(config);
  const inGroup = (group: string): [string, unknown][] =>
    entries.filter(([name]) => (known.get(name)?.group ?? "control") === group);
  return (
    <details>
      <summary>{t("training.settings")}</summary>
      <Stack gap="sm" mt="xs">
        {fields.length > 0 && (
          <Text size="xs" c="dimmed">
            {t("training.changedSettings")}
          </Text>
        )}
        {GROUPS.map((group) => (
          <div key={group}>
            <Text size="sm" fw={600}>
              {t(`settingGroup.${group}`)}
            </Text>
            <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing={2} verticalSpacing={2}>
              {inGroup(group).map(([name, value]) => (
                <Setting key={name} name={name} value={value} field={known.get(name)} />
              ))}
            </SimpleGrid>
          </div>
        ))}
      </Stack>
    </details>
  );
}

function Setting({ name, value, field }: { name: string; value: unknown; field: RecipeField | undefined }): ReactNode {
  const { t } = useTranslation();
  const isChanged = field !== undefined && !isSame(value, field.default);
  return (
    <Group gap={4} wrap="nowrap">
      <Text size="sm" fw={isChanged ? 600 : 400}>
        {t(`setting.${name}.label`, { defaultValue: name })}: <Code>{typeof value === "object" ? JSON.stringify(value) : String(value)}</Code>
      </Text>
      {isChanged && (
        <Badge size="xs" variant="light" tt="none" title={t("form.default", { value: String(field.default) })}>
          {t("form.changed")}
        </Badge>
      )}
    </Group>
  );
}
