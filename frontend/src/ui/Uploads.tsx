/** Bringing files in: buttons, a page to drop them on, and a panel that tells what became of each. */

import { Badge, Button, CloseButton, Group, Menu, Paper, Progress, ScrollArea, Stack, Switch, Text } from "@mantine/core";
import { IconChevronDown, IconRefresh, IconUpload } from "@tabler/icons-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addUploads, cancelUploads, closeUploads, filesOfDrop, retryFailed, useUploads, type Upload, type UploadState } from "../store/uploads";
import { bytes } from "./format";

const COLOURS: Record<UploadState, string> = {
  waiting: "gray",
  sending: "blue",
  stored: "teal",
  duplicate: "cyan",
  rejected: "red",
  failed: "orange",
  cancelled: "gray",
};
const PROBLEMS: readonly UploadState[] = ["rejected", "failed", "cancelled"];
const SHOWN = 200;

function add(team: string, files: FileList | null): void {
  if (files) addUploads(team, [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file })));
}

export function UploadButtons({ team }: { team: string }): ReactNode {
  const { t } = useTranslation();
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const input = (isFolder: boolean): ReactNode => (
    <input
      ref={isFolder ? folder : files}
      type="file"
      multiple
      hidden
      {...(isFolder ? { webkitdirectory: "" } : {})}
      data-testid={isFolder ? "upload-folder" : "upload-files"}
      onChange={(event) => {
        add(team, event.currentTarget.files);
        event.currentTarget.value = "";
      }}
    />
  );
  return (
    <>
      {input(false)}
      {input(true)}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button leftSection={<IconUpload size={16} />} rightSection={<IconChevronDown size={14} />} px="sm">
            {t("upload.title")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => files.current?.click()}>{t("upload.files")}</Menu.Item>
          <Menu.Item onClick={() => folder.current?.click()}>{t("upload.folder")}</Menu.Item>
          <Menu.Label>{t("upload.orDrop")}</Menu.Label>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

/** Takes files that are dropped anywhere on the page; says whether some are held over it. */
export function useDropZone(team: string, isOn: boolean): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    if (!isOn) return undefined;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (!event.relatedTarget) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      if (!event.dataTransfer || !hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      void filesOfDrop(event.dataTransfer.items).then((found) => {
        addUploads(team, found);
      });
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, [team, isOn]);
  return isOver;
}

export function UploadPanel(): ReactNode {
  const { t } = useTranslation();
  const { uploads, isOpen } = useUploads();
  const [onlyProblems, setOnlyProblems] = useState(false);
  const counts = new Map<UploadState, number>();
  for (const { state } of uploads) counts.set(state, (counts.get(state) ?? 0) + 1);
  const count = (state: UploadState): number => counts.get(state) ?? 0;
  const isBusy = count("waiting") + count("sending") > 0;
  useWarningBeforeLeaving(isBusy);
  if (!isOpen || !uploads.length) return null;
  const done = uploads.length - count("waiting") - count("sending");
  const partial = uploads.reduce((sum, { state, progress }) => sum + (state === "sending" ? progress : 0), 0);
  const shown = uploads.filter(({ state }) => !onlyProblems || PROBLEMS.includes(state));
  return (
    <Paper withBorder shadow="xl" className="uploads" role="region" aria-label={t("upload.title")}>
      <Stack gap="xs">
        <Group justify="space-between" wrap="nowrap">
          <Text fw={600}>{t(isBusy ? "upload.busy" : "upload.done", { done, total: uploads.length })}</Text>
          <CloseButton aria-label={t("upload.close")} onClick={closeUploads} />
        </Group>
        <Progress value={(100 * (done + partial)) / uploads.length} color={isBusy ? "blue" : "teal"} aria-label={t("upload.title")} />
        <Group gap={6}>
          {[...counts].map(([state, number]) => (
            <Badge key={state} color={COLOURS[state]} variant="light" tt="none">
              {t(`upload.state.${state}`)} {number}
            </Badge>
          ))}
        </Group>
        <ScrollArea.Autosize mah={260} type="auto">
          <Stack gap={4}>
            {shown.slice(0, SHOWN).map((upload) => (
              <Row key={upload.id} upload={upload} />
            ))}
            {shown.length > SHOWN && (
              <Text size="xs" c="dimmed">
                {t("upload.more", { count: shown.length - SHOWN })}
              </Text>
            )}
          </Stack>
        </ScrollArea.Autosize>
        <Group justify="space-between">
          <Switch
            size="xs"
            label={t("upload.onlyProblems")}
            checked={onlyProblems}
            onChange={(event) => {
              setOnlyProblems(event.currentTarget.checked);
            }}
          />
          {isBusy ? (
            <Button size="compact-sm" variant="default" onClick={cancelUploads}>
              {t("cancel")}
            </Button>
          ) : (
            count("failed") + count("cancelled") > 0 && (
              <Button size="compact-sm" variant="light" leftSection={<IconRefresh size={14} />} onClick={retryFailed}>
                {t("upload.retry")}
              </Button>
            )
          )}
        </Group>
      </Stack>
    </Paper>
  );
}

function Row({ upload }: { upload: Upload }): ReactNode {
  const { t } = useTranslation();
  return (
    <div>
      <Group gap="xs" wrap="nowrap">
        <Text size="sm" flex={1} truncate="start" title={upload.name}>
          {upload.name}
        </Text>
        <Text size="xs" c="dimmed">
          {bytes(upload.size)}
        </Text>
        <Badge size="sm" color={COLOURS[upload.state]} variant="light" tt="none">
          {upload.state === "sending" ? `${(upload.progress * 100).toFixed(0)} %` : t(`upload.state.${upload.state}`)}
        </Badge>
      </Group>
      {upload.reason && (
        <Text size="xs" c="red">
          {upload.reason}
        </Text>
      )}
    </div>
  );
}

function useWarningBeforeLeaving(isBusy: boolean): void {
  useEffect(() => {
    if (!isBusy) return undefined;
    const warn = (event: BeforeUnloadEvent): void => {
      event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => {
      window.removeEventListener("beforeunload", warn);
    };
  }, [isBusy]);
}
