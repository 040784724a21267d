/** One setting of a recipe: its label, its explanation, whether it was changed, and the way back. */

import { ActionIcon, Badge, Box, Group, NumberInput, Select, Switch, TextInput, Tooltip } from "@mantine/core";
import { IconRestore } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { RecipeField } from "../../store/queries";
import { metricName } from "../../ui/metric";
import { boundText, faultOf } from "./fields";

interface Props {
  recipe: string;
  field: RecipeField;
  value: unknown;
  isChanged: boolean;
  onChange: (value: unknown) => void;
}

export function SettingField({ recipe, field, value, isChanged, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const name = t(`setting.${field.name}.label`, { defaultValue: field.name });
  const help = [`setting.${field.name}.help_${recipe}`, `setting.${field.name}.help`];
  const label = isChanged ? (
    <Group component="span" gap={6} display="inline-flex">
      {name}
      <Badge size="xs" variant="light" tt="none" component="span">
        {t("form.changed")}
      </Badge>
      <Tooltip label={t("form.default", { value: shown(t, field, field.default) })}>
        <ActionIcon
          size="xs"
          variant="subtle"
          aria-label={`${t("form.reset")}: ${name}`}
          onClick={(event) => {
            event.preventDefault();
            onChange(field.default);
          }}
        >
          <IconRestore size={14} />
        </ActionIcon>
      </Tooltip>
    </Group>
  ) : (
    name
  );
  const common = { label, description: t(help, { defaultValue: field.help }), id: `setting-${field.name}`, "aria-label": name };
  return (
    <Box className={isChanged ? "changed-setting" : ""}>
      <Input field={field} value={value} common={common} onChange={onChange} />
    </Box>
  );
}

function shown(t: ReturnType<typeof useTranslation>["t"], field: RecipeField, value: unknown): string {
  if (field.type === "boolean") return t(value === true ? "yes" : "no");
  return field.name === "stop_metric" ? metricName(t, String(value)) : String(value);
}

interface InputProps {
  field: RecipeField;
  value: unknown;
  common: { label: ReactNode; description: string; id: string; "aria-label": string };
  onChange: (value: unknown) => void;
}

function Input({ field, value, common, onChange }: InputProps): ReactNode {
  const { t } = useTranslation();
  if (field.type === "boolean") {
    return (
      <Switch
        {...common}
        checked={value === true}
        onChange={(event) => {
          onChange(event.currentTarget.checked);
        }}
      />
    );
  }
  if (field.type === "choice") {
    return (
      <Select
        {...common}
        allowDeselect={false}
        data={(field.choices ?? []).map((choice) => ({
          value: choice,
          label: field.name === "control" ? t(`training.controls.${choice}`, { defaultValue: choice }) : shown(t, field, choice),
        }))}
        value={String(value)}
        onChange={onChange}
      />
    );
  }
  if (field.type === "text") {
    return (
      <TextInput
        {...common}
        value={String(value)}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      />
    );
  }
  const fault = faultOf(field, value);
  const bounds = t("form.bounds", { low: boundText(field.minimum, "−∞"), high: boundText(field.maximum, "∞") });
  return (
    <NumberInput
      {...common}
      value={value as number | string}
      clampBehavior="none"
      allowDecimal={field.type === "number"}
      decimalScale={8}
      {...(field.minimum === null ? {} : { min: field.minimum })}
      {...(field.maximum === null ? {} : { max: field.maximum })}
      {...(field.type === "number" ? { step: stepOf(Number(field.default)) } : {})}
      error={fault && t(`form.${fault.code}`, fault.code === "outOfBounds" ? { low: fault.low, high: fault.high } : {})}
      title={bounds}
      onChange={onChange}
    />
  );
}

/** A tenth of the default's size, so that an arrow key changes something. */
const stepOf = (value: number): number => (value ? 10 ** (Math.floor(Math.log10(Math.abs(value))) - 1) || 1 : 0.1);
