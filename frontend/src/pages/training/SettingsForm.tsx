/** The settings of a recipe: the few that matter first, the others by groups, each group with how many were changed. */

import { Accordion, Badge, Button, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Recipe, RecipeField } from "../../store/queries";
import { faultOf, GROUPS, isForemost, isRelevant, withSetting, type Settings } from "./fields";
import { SettingField } from "./SettingField";

interface Props {
  recipe: Recipe;
  settings: Settings;
  onChange: (settings: Settings) => void;
}

export function SettingsForm({ recipe, settings, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const shown = recipe.fields.filter((field) => isRelevant(field, settings, recipe));
  const changed = Object.keys(settings).length;
  const grid = (fields: readonly RecipeField[]): ReactNode => (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }}>
      {fields.map((field) => (
        <SettingField
          key={field.name}
          recipe={recipe.name}
          field={field}
          value={settings[field.name] ?? field.default}
          isChanged={field.name in settings}
          onChange={(value) => {
            onChange(withSetting(settings, field, value));
          }}
        />
      ))}
    </SimpleGrid>
  );
  return (
    <Stack>
      <Group justify="space-between">
        <Text fw={600} size="sm">
          {t("form.few")}
        </Text>
        {changed > 0 && (
          <Button
            size="compact-sm"
            variant="subtle"
            onClick={() => {
              onChange({});
            }}
          >
            {t("form.resetAll")} ({t("form.changedCount", { count: changed })})
          </Button>
        )}
      </Group>
      {grid(shown.filter(isForemost))}
      <Accordion variant="contained" keepMounted={false}>
        <Accordion.Item value="all">
          <Accordion.Control>{t("form.all")}</Accordion.Control>
          <Accordion.Panel>
            <Accordion multiple variant="default" keepMounted={false} defaultValue={["training"]}>
              {GROUPS.map((group) => {
                const fields = shown.filter((field) => field.group === group && !isForemost(field));
                return fields.length ? (
                  <Accordion.Item key={group} value={group}>
                    <Accordion.Control>
                      <GroupTitle group={group} fields={fields} settings={settings} />
                    </Accordion.Control>
                    <Accordion.Panel>{grid(fields)}</Accordion.Panel>
                  </Accordion.Item>
                ) : null;
              })}
            </Accordion>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}

function GroupTitle({ group, fields, settings }: { group: string; fields: readonly RecipeField[]; settings: Settings }): ReactNode {
  const { t } = useTranslation();
  const changed = fields.filter(({ name }) => name in settings);
  const faults = changed.filter((field) => faultOf(field, settings[field.name]) !== null);
  return (
    <Group gap="xs">
      <Text>{t(`settingGroup.${group}`)}</Text>
      {changed.length > 0 && (
        <Badge size="sm" variant="light" tt="none" color={faults.length ? "red" : "teal"}>
          {t("form.changedCount", { count: changed.length })}
        </Badge>
      )}
    </Group>
  );
}
