/** What a cohort's check has found, the worst first. */

import { Group, List, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../api/client";

const LOOKS = {
  error: { colour: "red", icon: <IconCircleX size={14} /> },
  warning: { colour: "orange", icon: <IconAlertTriangle size={14} /> },
  note: { colour: "gray", icon: <IconInfoCircle size={14} /> },
} as const;

export function Findings({ findings }: { findings: readonly Schemas["Finding"][] }): ReactNode {
  const { t, i18n } = useTranslation();
  if (!findings.length) {
    return (
      <Group gap={6} wrap="nowrap" align="flex-start">
        <ThemeIcon size={20} radius="xl" color="teal" variant="light">
          <IconCircleCheck size={14} />
        </ThemeIcon>
        <Text size="sm">{t("form.checkClean")}</Text>
      </Group>
    );
  }
  return (
    <List size="sm" spacing={6} center={false}>
      {findings.map(({ code, severity, detail }, index) => (
        <List.Item
          key={index}
          icon={
            <ThemeIcon size={20} radius="xl" color={LOOKS[severity].colour} variant="light" aria-label={t(`severity.${severity}`)}>
              {LOOKS[severity].icon}
            </ThemeIcon>
          }
        >
          {/* The site tells details in English; elsewhere the heading says what it is about. */}
          {i18n.language !== "en" && i18n.exists(`finding.${code}`) && (
            <Text size="sm" fw={600}>
              {t(`finding.${code}`)}
            </Text>
          )}
          <Text size="sm" component="span">
            {detail}
          </Text>
        </List.Item>
      ))}
    </List>
  );
}
