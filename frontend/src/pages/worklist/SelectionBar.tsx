/** What is done with the chosen studies: labelled, or frozen as a cohort. */

import { Alert, Anchor, Autocomplete, Button, Group, Modal, Paper, Progress, Stack, Text, TextInput } from "@mantine/core";
import { IconFolders, IconTag } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useLabelSchemes } from "../../store/cohorts";
import { labelStudies } from "../../store/labels";
import type { StudyQuery } from "../../store/queries";
import { FreezeCohort } from "../cohorts/FreezeCohort";
import { searchOf } from "./searches";
import { countOf, type Selection } from "./selection";

interface Props {
  team: string;
  selection: Selection;
  /** How many studies the search finds. */
  found: number;
  query: StudyQuery;
  isPageChosen: boolean;
  mayFreeze: boolean;
  onAll: () => void;
  onClear: () => void;
}

export function SelectionBar({ team, selection, found, query, isPageChosen, mayFreeze, onAll, onClear }: Props): ReactNode {
  const { t } = useTranslation();
  const [open, setOpen] = useState<"label" | "freeze" | null>(null);
  const count = countOf(selection, found);
  if (!count) return null;
  const close = (): void => {
    setOpen(null);
  };
  return (
    <Paper withBorder shadow="md" p="xs" className="selection" role="region" aria-label={t("selection.title")}>
      <Group justify="space-between" gap="xs">
        <Group gap="sm">
          <Text fw={600} aria-live="polite">
            {t("selection.count", { count })}
          </Text>
          {isPageChosen && !selection.isAll && found > selection.studies.length && mayFreeze && (
            <Anchor component="button" type="button" size="sm" onClick={onAll}>
              {t("selection.all", { count: found })}
            </Anchor>
          )}
          <Anchor component="button" type="button" size="sm" onClick={onClear}>
            {t("selection.clear")}
          </Anchor>
        </Group>
        <Group gap="xs">
          <Button
            variant="default"
            leftSection={<IconTag size={16} />}
            disabled={selection.isAll}
            title={selection.isAll ? t("selection.labelSome") : undefined}
            onClick={() => {
              setOpen("label");
            }}
          >
            {t("selection.label")}
          </Button>
          {mayFreeze && (
            <Button
              leftSection={<IconFolders size={16} />}
              onClick={() => {
                setOpen("freeze");
              }}
            >
              {t("selection.freeze")}
            </Button>
          )}
        </Group>
      </Group>
      <Modal opened={open === "label"} onClose={close} title={t("selection.labelTitle", { count })}>
        {open === "label" && <Label team={team} studies={selection.studies} onClose={close} />}
      </Modal>
      <Modal opened={open === "freeze"} onClose={close} title={t("freeze.title", { count })} size="lg">
        {open === "freeze" && (
          <FreezeCohort team={team} {...(selection.isAll ? { search: searchOf(query) } : { studies: selection.studies })} />
        )}
      </Modal>
    </Paper>
  );
}

function Label({ team, studies, onClose }: { team: string; studies: readonly string[]; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const client = useQueryClient();
  const schemes = useLabelSchemes(team);
  const [scheme, setScheme] = useState("");
  const [value, setValue] = useState("");
  const [done, setDone] = useState(0);
  const known = schemes.data?.find((one) => one.scheme === scheme);
  const give = useMutation({
    mutationFn: () => labelStudies(team, studies, { scheme: scheme.trim(), value: value.trim() }, setDone),
    onSettled: () => client.invalidateQueries({ queryKey: ["label-schemes", team] }),
    onSuccess: onClose,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        give.mutate();
      }}
    >
      <Stack>
        <Autocomplete
          label={t("selection.scheme")}
          description={t("selection.schemeHint")}
          data={(schemes.data ?? []).map((one) => one.scheme)}
          value={scheme}
          required
          maxLength={60}
          data-autofocus
          onChange={setScheme}
        />
        {known ? (
          <Autocomplete
            label={t("selection.value")}
            description={t("selection.valueHint")}
            data={Object.keys(known.values).filter(Boolean)}
            value={value}
            required
            onChange={setValue}
          />
        ) : (
          <TextInput
            label={t("selection.value")}
            description={t("selection.valueHint")}
            value={value}
            required
            onChange={(event) => {
              setValue(event.currentTarget.value);
            }}
          />
        )}
        {give.isPending && <Progress value={(100 * done) / studies.length} aria-label={t("selection.label")} />}
        {give.error && (
          <Alert color="red" role="alert">
            {t("selection.labelled", { count: done })} {give.error.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={give.isPending} disabled={!scheme.trim() || !value.trim()}>
            {t("selection.label")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
