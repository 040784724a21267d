/** One version of a model: its figures, its card, its package. */

import { Anchor, Button, Code, Drawer, Group, Stack, Text, Typography } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

import { useModelDetail, type ModelVersion } from "../../store/queries";
import { Figures } from "../../ui/Figures";
import { Failed, Loading } from "../../ui/States";

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
  const { model, number, sha256, job_id: job, card, metrics } = detail.data;
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
        {job && <Anchor href={`/teams/${team}/training/${job}`}>{t("models.training")}</Anchor>}
      </Group>
      <Figures metrics={metrics} />
      <Text size="xs" c="dimmed">
        SHA-256 <Code style={{ wordBreak: "break-all" }}>{sha256}</Code>
      </Text>
      <Typography className="card-text">
        <Markdown remarkPlugins={[remarkGfm]}>{card}</Markdown>
      </Typography>
    </Stack>
  );
}
