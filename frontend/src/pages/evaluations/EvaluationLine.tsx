/** An evaluation in a line: on what, or of what; its first figure, or how far it is. */

import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Evaluation } from "../../store/evaluations";
import { figuresIn, metricOf } from "../../ui/Figures";
import { moment } from "../../ui/format";
import { JobBadge } from "../../ui/JobBadge";
import { metricName, metricText } from "../../ui/metric";

export function EvaluationLine({ team, evaluation, withModel }: { team: string; evaluation: Evaluation; withModel?: boolean }): ReactNode {
  const { t, i18n } = useTranslation();
  const name = figuresIn(evaluation.metrics)[0];
  const what = withModel ? `${evaluation.model} v${String(evaluation.version)}` : `${evaluation.cohort} v${String(evaluation.cohort_version)}`;
  return (
    <Group justify="space-between" gap="xs" wrap="nowrap">
      <Anchor
        size="sm"
        renderRoot={(props) => <Link {...props} to="/teams/$team/evaluations/$id" params={{ team, id: evaluation.id }} />}
      >
        {what}, {t(`cohorts.splits.${evaluation.split}`)}
      </Anchor>
      <Group gap="xs" wrap="nowrap">
        {evaluation.is_finished && name && (
          <Text size="sm">
            {metricName(t, name)} {metricText(metricOf(evaluation.metrics, name))}
          </Text>
        )}
        {!evaluation.is_finished && evaluation.job && <JobBadge job={evaluation.job} />}
        <Text size="xs" c="dimmed">
          {moment(evaluation.created_at, i18n.language)}
        </Text>
      </Group>
    </Group>
  );
}
