/** The model zoo: models, their versions, how good each is, and which one is trusted. */

import { Alert, Badge, Button, Container, Group, Menu, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { changeStage, keys, useModels, type Model, type ModelVersion, type StageChange } from "../store/queries";
import { teamOf, useSession } from "../store/session";
import { Confirm } from "../ui/Confirm";
import { figuresIn, metricOf } from "../ui/Figures";
import { moment } from "../ui/format";
import { metricName, metricText } from "../ui/metric";
import { Empty, Failed, Loading } from "../ui/States";
import { VersionDrawer } from "./models/VersionDrawer";
import { useTeam } from "./SignedIn";

const COLOURS = { candidate: "gray", production: "teal", archived: "orange" } as const;
// What a classifier is looked at for first; of other tasks the first that are told.
const FOREMOST = ["accuracy", "recall", "f1", "auc"];
const MOST_COLUMNS = 4;

function columnsOf({ task, versions }: Model): string[] {
  const told = [...new Set(versions.flatMap(({ metrics }) => figuresIn(metrics)))];
  return task === "classification" ? FOREMOST : told.slice(0, MOST_COLUMNS);
}

interface Asked {
  action: StageChange;
  version: ModelVersion;
}

export function ModelsPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const models = useModels(team);
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [shown, setShown] = useState<ModelVersion | null>(null);
  useEffect(() => {
    document.title = `${t("place.models")} · medportal`;
  }, [t]);
  const change = useMutation({
    mutationFn: ({ action, version }: Asked) => changeStage(team, version.model, version.number, action),
    onSettled: () => {
      setAsked(null);
      return client.invalidateQueries({ queryKey: keys.models(team) });
    },
  });
  if (models.isPending) return <Loading />;
  if (models.isError) return <Failed error={models.error} onRetry={() => void models.refetch()} />;
  return (
    <Container size="lg" px={0}>
      <Title order={2}>{t("place.models")}</Title>
      <Text c="dimmed" size="sm" mb="md">
        {t("models.hint")}
      </Text>
      {change.error && (
        <Alert color="red" mb="sm" role="alert">
          {change.error.message}
        </Alert>
      )}
      {!models.data.length && <Empty title={t("models.empty")}>{t("models.emptyHint")}</Empty>}
      <Stack>
        {models.data.map((model) => (
          <ModelCard key={model.name} model={model} onAsk={setAsked} onShow={setShown} />
        ))}
      </Stack>
      <VersionDrawer
        team={team}
        version={shown}
        onClose={() => {
          setShown(null);
        }}
      />
      <Confirm
        question={asked && t(`models.ask.${asked.action}`, { model: asked.version.model, version: asked.version.number })}
        action={asked ? t(`models.${asked.action}`) : ""}
        isBusy={change.isPending}
        onConfirm={() => {
          if (asked) change.mutate(asked);
        }}
        onClose={() => {
          setAsked(null);
        }}
      />
    </Container>
  );
}

interface CardProps {
  model: Model;
  onAsk: (asked: Asked) => void;
  onShow: (version: ModelVersion) => void;
}

function ModelCard({ model, onAsk, onShow }: CardProps): ReactNode {
  const { t, i18n } = useTranslation();
  const isManager = useSession((state) => teamOf(state.me, model.team)?.role === "manager");
  const columns = columnsOf(model);
  return (
    <Paper withBorder p="md" component="section" aria-label={model.name}>
      <Group gap="xs" mb="xs">
        <Title order={4}>{model.title || model.name}</Title>
        <Text c="dimmed" size="sm">
          {model.name}
        </Text>
        <Badge variant="light" color="blue" tt="none">
          {t(`task.${model.task}`, { defaultValue: model.task })}
        </Badge>
      </Group>
      <Table.ScrollContainer minWidth={640}>
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("models.version")}</Table.Th>
              <Table.Th>{t("models.stage")}</Table.Th>
              {columns.map((name) => (
                <Table.Th key={name}>{metricName(t, name)}</Table.Th>
              ))}
              <Table.Th>{t("models.made")}</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {model.versions.map((version) => (
              <Table.Tr key={version.number} data-testid={`version-${String(version.number)}`}>
                <Table.Td fw={600}>v{version.number}</Table.Td>
                <Table.Td>
                  <Badge color={COLOURS[version.stage ?? "candidate"]} variant="light" tt="none" miw="max-content">
                    {t(`models.stages.${version.stage ?? "candidate"}`)}
                  </Badge>
                </Table.Td>
                {columns.map((name) => (
                  <Table.Td key={name}>{metricText(metricOf(version.metrics, name))}</Table.Td>
                ))}
                <Table.Td>
                  <Text size="xs" c="dimmed">
                    {t(`models.origin.${version.origin}`)} · {moment(version.created_at, i18n.language)}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Group gap={6} justify="flex-end" wrap="nowrap">
                    <Button
                      size="compact-sm"
                      variant="default"
                      onClick={() => {
                        onShow(version);
                      }}
                    >
                      {t("models.card")}
                    </Button>
                    {isManager && <StageMenu version={version} onAsk={onAsk} />}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}

function StageMenu({ version, onAsk }: { version: ModelVersion; onAsk: (asked: Asked) => void }): ReactNode {
  const { t } = useTranslation();
  const actions: StageChange[] =
    version.stage === "production" ? ["rollback", "archive"] : version.stage === "archived" ? ["promote"] : ["promote", "archive"];
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="compact-sm" variant="light" rightSection={<IconChevronDown size={14} />}>
          {t("models.change")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map((action) => (
          <Menu.Item
            key={action}
            onClick={() => {
              onAsk({ action, version });
            }}
          >
            {t(`models.${action}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
