/** One version of a model: its figures, what its package says, its variants, its evaluations, its card. */

import { Anchor, Badge, Button, Code, Drawer, Group, Stack, Table, Text, Title, Typography } from "@mantine/core";
import { IconDownload, IconRuler2 } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

import { useEvaluationEvents, useEvaluations } from "../../store/evaluations";
import { useModelDetail, type ModelDetail, type ModelVersion } from "../../store/queries";
import { includes, teamOf, useSession } from "../../store/session";
import { Figures } from "../../ui/Figures";
import { metricName, metricText } from "../../ui/metric";
import { Failed, Loading } from "../../ui/States";
import { EvaluationLine } from "../evaluations/EvaluationLine";
import { StartEvaluation } from "../evaluations/StartEvaluation";
import { factsOf } from "./facts";
import { Generate } from "./Generate";

interface Props {
  team: string;
  version: ModelVersion | null;
  onClose: () => void;
}

export function VersionDrawer({ team, version, onClose }: Props): ReactNode {
  const title = version && `${version.model} v${String(version.number)}`;
  return (
    <Drawer opened={version !== null} onClose={onClose} position="right" size="xl" title={title} padding="md">
      {version && <Detail team={team} version={version} />}
    </Drawer>
  );
}

function Detail({ team, version }: { team: string; version: ModelVersion }): ReactNode {
  const { t } = useTranslation();
  const detail = useModelDetail(team, version.model, version.number);
  if (detail.isPending) return <Loading />;
  if (detail.isError) return <Failed error={detail.error} onRetry={() => void detail.refetch()} />;
  const { model, number, sha256, job_id: job, card, metrics, task, variants } = detail.data;
  return (
    <Stack>
      <Group>
        <Button
          component="a"
          href={`/api/v1/teams/${team}/models/${model}/versions/${String(number)}/package/`}
          leftSection={<IconDownload size={16} />}
          variant="light"
        >
          {t("models.download")}
        </Button>
        {job && (
          <Anchor renderRoot={(props) => <Link {...props} to="/teams/$team/training/$job" params={{ team, job }} />}>
            {t("models.training")}
          </Anchor>
        )}
      </Group>
      {task === "generation" && <Generate team={team} version={detail.data} />}
      <Figures metrics={metrics} />
      <Evaluations team={team} version={detail.data} />
      <Facts version={detail.data} />
      {variants.length > 0 && <Variants version={detail.data} />}
      <Text size="xs" c="dimmed">
        SHA-256 <Code style={{ wordBreak: "break-all" }}>{sha256}</Code>
      </Text>
      <details open>
        <summary>{t("models.cardTitle")}</summary>
        <Typography className="card-text">
          <Markdown remarkPlugins={[remarkGfm]}>{card}</Markdown>
        </Typography>
      </details>
    </Stack>
  );
}

function Facts({ version }: { version: ModelDetail }): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <div>
      <Group gap="xs" mb={4}>
        <Title order={5}>{t("facts.title")}</Title>
        <Badge variant="light" tt="none">
          {t(`task.${version.task}`, { defaultValue: version.task })}
        </Badge>
        {version.has_embedding && (
          <Badge variant="light" color="grape" tt="none">
            {t("facts.embedding")}
          </Badge>
        )}
      </Group>
      <Table verticalSpacing={2} withTableBorder>
        <Table.Tbody>
          {factsOf(t, version.manifest, i18n.language).map(({ label, value }) => (
            <Table.Tr key={label}>
              <Table.Td c="dimmed">{label}</Table.Td>
              <Table.Td>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** The same network in less space, and the figure that this costs. */
function Variants({ version }: { version: ModelDetail }): ReactNode {
  const { t } = useTranslation();
  return (
    <div>
      <Title order={5} mb={4}>
        {t("models.variants")}
      </Title>
      <Table className="figures" verticalSpacing={2} withTableBorder>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("models.precision")}</Table.Th>
            <Table.Th>{t("figures.name")}</Table.Th>
            <Table.Th>{t("figures.value")}</Table.Th>
            <Table.Th>{t("models.loses")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {version.variants.map(({ precision, metric, value, loss }) => (
            <Table.Tr key={precision}>
              <Table.Td>{precision}</Table.Td>
              <Table.Td>{metricName(t, metric)}</Table.Td>
              <Table.Td>{metricText(value)}</Table.Td>
              <Table.Td>{metricText(loss)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed">
        {t("models.variantsHint")}
      </Text>
    </div>
  );
}

function Evaluations({ team, version }: { team: string; version: ModelDetail }): ReactNode {
  const { t } = useTranslation();
  const mayEvaluate = useSession((state) => includes(teamOf(state.me, team)?.role, "researcher"));
  const evaluations = useEvaluations(team, { model: version.model, version: version.number });
  const [isAsking, setAsking] = useState(false);
  useEvaluationEvents(team, undefined);
  return (
    <div>
      <Group justify="space-between" mb={4}>
        <Title order={5}>{t("evaluation.list")}</Title>
        {mayEvaluate && (
          <Button
            size="compact-sm"
            variant="light"
            leftSection={<IconRuler2 size={14} />}
            onClick={() => {
              setAsking(true);
            }}
          >
            {t("evaluation.start")}
          </Button>
        )}
      </Group>
      {evaluations.isError && <Failed error={evaluations.error} onRetry={() => void evaluations.refetch()} />}
      {evaluations.data && !evaluations.data.length && (
        <Text size="sm" c="dimmed">
          {t("evaluation.none")}
        </Text>
      )}
      <Stack gap={4}>
        {evaluations.data?.map((evaluation) => (
          <EvaluationLine key={evaluation.id} team={team} evaluation={evaluation} />
        ))}
      </Stack>
      <StartEvaluation
        team={team}
        isOpen={isAsking}
        model={{ name: version.model, version: version.number }}
        onClose={() => {
          setAsking(false);
        }}
      />
    </div>
  );
}
