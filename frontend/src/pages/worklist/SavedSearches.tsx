/** Searches under names: kept, shown again, renamed, deleted, and frozen as cohorts of what they find. */

import { ActionIcon, Alert, Button, Group, Modal, Stack, Text, TextInput, Tooltip, UnstyledButton } from "@mantine/core";
import { IconBookmarks, IconCheck, IconFolders, IconPencil, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../../api/client";
import { Confirm } from "../../ui/Confirm";
import { FreezeCohort } from "../cohorts/FreezeCohort";
import type { WorklistSearch } from "../router";
import { NAME_LENGTH, queryOf, searchOf, wantedOf, type SavedSearch, type Wanted } from "./searches";

interface Props {
  team: string;
  wanted: WorklistSearch;
  mayFreeze: boolean;
  onShow: (wanted: Wanted) => void;
}

export function SavedSearches({ team, wanted, mayFreeze, onShow }: Props): ReactNode {
  const { t } = useTranslation();
  const client = useQueryClient();
  const queryKey = ["searches", team];
  const refresh = (): void => void client.invalidateQueries({ queryKey });
  const [isOpen, setOpen] = useState(false);
  const [frozen, setFrozen] = useState<SavedSearch | null>(null);
  const [removed, setRemoved] = useState<SavedSearch | null>(null);
  const asked = useQuery({
    queryKey,
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/searches/", { params: { path: { team } } })),
    enabled: isOpen,
  });
  const kept = (asked.data ?? []).map(({ name, wanted }) => ({ name, wanted: wantedOf(wanted) }));
  const keep = useMutation({
    mutationFn: (body: SavedSearch & { was?: string }) =>
      dataOf(api.POST("/api/v1/teams/{team}/searches/", { params: { path: { team } }, body })),
    onSuccess: (all) => client.setQueryData(queryKey, all),
    onError: refresh,
  });
  const remove = useMutation({
    mutationFn: async (name: string) => {
      await api.DELETE("/api/v1/teams/{team}/searches/", { params: { path: { team }, query: { name } } });
    },
    onSettled: () => {
      setRemoved(null);
      refresh();
    },
  });
  const problem = asked.error ?? keep.error ?? remove.error;
  return (
    <>
      <Tooltip label={t("searches.title")}>
        <ActionIcon
          variant="default"
          size={36}
          aria-label={t("searches.title")}
          onClick={() => {
            setOpen(true);
          }}
        >
          <IconBookmarks size={18} />
        </ActionIcon>
      </Tooltip>
      <Modal
        opened={isOpen}
        title={t("searches.title")}
        onClose={() => {
          setOpen(false);
        }}
      >
        <Stack>
          {problem && <Alert color="red">{problem.message}</Alert>}
          {asked.data && kept.length === 0 && <Text c="dimmed">{t("searches.none")}</Text>}
          <Stack gap={4} component="ul" m={0} p={0} style={{ listStyle: "none" }} hidden={kept.length === 0}>
            {kept.map((one) => (
              <Row
                key={one.name}
                one={one}
                isTaken={(name) => name !== one.name && kept.some((other) => other.name === name)}
                onShow={() => {
                  setOpen(false);
                  onShow(one.wanted);
                }}
                onRename={(name) => {
                  keep.mutate({ ...one, name, was: one.name });
                }}
                onFreeze={
                  mayFreeze
                    ? () => {
                        setOpen(false);
                        setFrozen(one);
                      }
                    : undefined
                }
                onRemove={() => {
                  setRemoved(one);
                }}
              />
            ))}
          </Stack>
          <Save
            isTaken={(name) => kept.some((one) => one.name === name)}
            onSave={(name) => {
              keep.mutate({ name, wanted: wantedOf(wanted) });
            }}
          />
          <Text size="xs" c="dimmed">
            {t("searches.where")}
          </Text>
        </Stack>
      </Modal>
      <Confirm
        question={removed && t("searches.removeAsk", { name: removed.name })}
        action={t("searches.delete")}
        isBusy={remove.isPending}
        onConfirm={() => {
          if (removed) remove.mutate(removed.name);
        }}
        onClose={() => {
          setRemoved(null);
        }}
      />
      <Modal
        opened={frozen !== null}
        title={t("searches.freezeTitle", { name: frozen?.name ?? "" })}
        size="lg"
        onClose={() => {
          setFrozen(null);
        }}
      >
        {frozen && <FreezeCohort team={team} search={searchOf(queryOf(frozen.wanted))} />}
      </Modal>
    </>
  );
}

interface RowProps {
  one: SavedSearch;
  isTaken: (name: string) => boolean;
  onShow: () => void;
  onRename: (name: string) => void;
  onFreeze: (() => void) | undefined;
  onRemove: () => void;
}

function Row({ one, isTaken, onShow, onRename, onFreeze, onRemove }: RowProps): ReactNode {
  const { t } = useTranslation();
  const [name, setName] = useState<string | null>(null);
  const wanted = name?.trim() ?? "";
  const rename = (event: FormEvent): void => {
    event.preventDefault();
    if (!wanted || isTaken(wanted)) return;
    setName(null);
    onRename(wanted);
  };
  if (name !== null) {
    return (
      <li>
        <form onSubmit={rename}>
          <Group gap={4} wrap="nowrap" align="flex-start">
            <TextInput
              flex={1}
              aria-label={t("searches.newName")}
              value={name}
              maxLength={NAME_LENGTH}
              autoFocus
              error={isTaken(wanted) ? t("searches.taken") : undefined}
              onChange={(event) => {
                setName(event.currentTarget.value);
              }}
            />
            <ActionIcon type="submit" size={36} variant="default" aria-label={t("searches.keepName")} disabled={!wanted || isTaken(wanted)}>
              <IconCheck size={18} />
            </ActionIcon>
          </Group>
        </form>
      </li>
    );
  }
  return (
    <li>
      <Group gap={4} wrap="nowrap">
        <UnstyledButton flex={1} miw={0} mih={36} onClick={onShow}>
          <Text truncate fw={600} size="sm">
            {one.name}
          </Text>
          <Text truncate size="xs" c="dimmed">
            <Words wanted={one.wanted} />
          </Text>
        </UnstyledButton>
        {onFreeze && <Act label={t("searches.freeze", { name: one.name })} icon={<IconFolders size={18} />} onClick={onFreeze} />}
        <Act
          label={t("searches.rename", { name: one.name })}
          icon={<IconPencil size={18} />}
          onClick={() => {
            setName(one.name);
          }}
        />
        <Act label={t("searches.remove", { name: one.name })} icon={<IconTrash size={18} />} onClick={onRemove} />
      </Group>
    </li>
  );
}

function Act({ label, icon, onClick }: { label: string; icon: ReactNode; onClick: () => void }): ReactNode {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" size={36} aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** What a search asks for, in a line. */
function Words({ wanted }: { wanted: Wanted }): ReactNode {
  const { t } = useTranslation();
  const { search, modality, ai, from, to } = wanted;
  const days = from ?? to ? `${from ?? ""} – ${to ?? ""}`.trim() : undefined;
  return [search, modality, ai && t(`ai.${ai}`), days].filter(Boolean).join(" · ") || t("searches.everything");
}

function Save({ isTaken, onSave }: { isTaken: (name: string) => boolean; onSave: (name: string) => void }): ReactNode {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const save = (event: FormEvent): void => {
    event.preventDefault();
    if (!name.trim()) return;
    onSave(name.trim());
    setName("");
  };
  return (
    <form onSubmit={save}>
      <TextInput
        label={t("searches.name")}
        description={isTaken(name.trim()) ? t("searches.replaces") : t("searches.saveHint")}
        value={name}
        maxLength={NAME_LENGTH}
        onChange={(event) => {
          setName(event.currentTarget.value);
        }}
      />
      <Group justify="flex-end" mt="xs">
        <Button type="submit" disabled={!name.trim()}>
          {t("searches.save")}
        </Button>
      </Group>
    </form>
  );
}
