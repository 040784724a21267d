/** Brings a data set in: how it lies, what it is to be called, how it is split; then how far it is, and what was refused. */

import { Alert, Button, Code, FileInput, Group, Modal, NumberInput, Select, SimpleGrid, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiProblem } from "../../api/client";
import { uploadDataset } from "../../api/upload";
import { useCohorts } from "../../store/queries";
import { BLANK, FORMATS, isCohortName, orderOf, sumOf, type Filled, type Format, type Option, type SplitChoice } from "./datasetForms";
import { ImportProgress } from "./ImportProgress";
import { SplitParts } from "./SplitParts";

interface Props {
  team: string;
  isOpen: boolean;
  onClose: () => void;
}

export function ImportDataset({ team, isOpen, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <Modal opened={isOpen} onClose={onClose} title={t("cohorts.import")} size="xl" closeOnClickOutside={false}>
      {isOpen && <Import team={team} onClose={onClose} />}
    </Modal>
  );
}

/** What is on its way: the fraction sent, and what breaks it off. */
interface Sending {
  fraction: number;
  controller: AbortController;
}

function Import({ team, onClose }: { team: string; onClose: () => void }): ReactNode {
  const [filled, setFilled] = useState<Filled>(BLANK);
  const [file, setFile] = useState<File | null>(null);
  const [sending, setSending] = useState<Sending | null>(null);
  const [jobId, setJob] = useState<string | null>(null);
  const start = useMutation({
    mutationFn: async ({ of, what }: { of: Filled; what: File }) => {
      const controller = new AbortController();
      const tell = (fraction: number): void => {
        setSending({ fraction, controller });
      };
      tell(0);
      return uploadDataset(team, orderOf(crypto.randomUUID(), of), what, tell, controller.signal);
    },
    onSuccess: (job) => {
      setJob(job.id);
    },
    onSettled: () => {
      setSending(null);
    },
  });
  if (jobId || sending) {
    return (
      <ImportProgress
        team={team}
        jobId={jobId}
        fraction={sending?.fraction ?? 1}
        onAbort={() => sending?.controller.abort()}
        onAgain={() => {
          setJob(null);
        }}
        onClose={onClose}
      />
    );
  }
  const isAborted = start.error instanceof ApiProblem && start.error.code === "cancelled";
  return (
    <Form
      team={team}
      filled={filled}
      file={file}
      error={isAborted ? null : start.error}
      onChange={setFilled}
      onFile={setFile}
      onStart={() => {
        if (file) start.mutate({ of: filled, what: file });
      }}
    />
  );
}

interface FormProps {
  team: string;
  filled: Filled;
  file: File | null;
  error: Error | null;
  onChange: (filled: Filled) => void;
  onFile: (file: File | null) => void;
  onStart: () => void;
}

function Form({ team, filled, file, error, onChange, onFile, onStart }: FormProps): ReactNode {
  const { t } = useTranslation();
  const cohorts = useCohorts(team);
  const about = FORMATS.find(({ format }) => format === filled.format);
  const known = cohorts.data?.find(({ name }) => name === filled.cohort.trim());
  const set = (changed: Partial<Filled>): void => {
    onChange({ ...filled, ...changed });
  };
  const isNamed = isCohortName(filled.cohort);
  const isReady = file !== null && isNamed && (filled.split !== "parts" || sumOf(filled.parts) === 100);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) onStart();
      }}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Stack gap="sm">
            <Select
              label={t("dataset.format")}
              data={FORMATS.map(({ format }) => ({ value: format, label: t(`dataset.formats.${format}.name`) }))}
              value={filled.format}
              allowDeselect={false}
              data-autofocus
              onChange={(value) => {
                set({ format: value as Format });
              }}
            />
            <FileInput
              label={t("dataset.file")}
              description={t(filled.format === "npz" ? "dataset.fileNpz" : "dataset.fileZip")}
              accept={about?.accept ?? ""}
              value={file}
              clearable
              required
              placeholder={t("dataset.choose")}
              onChange={(chosen) => {
                onFile(chosen);
                if (chosen && !filled.cohort) set({ cohort: chosen.name.replace(/\.\w+$/, "").replaceAll(/[^-\w]+/g, "-").slice(0, 80) });
              }}
            />
          </Stack>
          <div>
            <Text size="sm" fw={500}>
              {t("dataset.layout")}
            </Text>
            <Code block>{about?.layout}</Code>
            <Text size="xs" c="dimmed" mt={4}>
              {t(`dataset.formats.${filled.format}.help`)}
            </Text>
          </div>
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={t("dataset.cohort")}
            description={known ? t("dataset.nextVersion", { number: (known.versions[0]?.number ?? 0) + 1 }) : t("dataset.newCohort")}
            required
            value={filled.cohort}
            error={filled.cohort && !isNamed ? t("dataset.badName") : undefined}
            onChange={(event) => {
              set({ cohort: event.currentTarget.value });
            }}
          />
          <TextInput
            label={t("dataset.title")}
            description={t("dataset.titleHint")}
            value={filled.title}
            onChange={(event) => {
              set({ title: event.currentTarget.value });
            }}
          />
        </SimpleGrid>
        {about && about.upfront.length > 0 && (
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {about.upfront.map((option) => (
              <OptionField key={option} option={option} filled={filled} onChange={set} />
            ))}
          </SimpleGrid>
        )}
        <Select
          label={t("dataset.split")}
          description={t("dataset.splitHint")}
          allowDeselect={false}
          data={(["own", "parts", "column", "test"] as const).map((value) => ({ value, label: t(`dataset.splits.${value}`) }))}
          value={filled.split}
          onChange={(value) => {
            set({ split: value as SplitChoice });
          }}
        />
        {filled.split === "parts" && (
          <SplitParts
            parts={filled.parts}
            onChange={(parts) => {
              set({ parts });
            }}
          />
        )}
        {filled.split === "column" && (
          <TextInput
            label={t("dataset.splitColumn")}
            value={filled.splitColumn}
            onChange={(event) => {
              set({ splitColumn: event.currentTarget.value });
            }}
          />
        )}
        <details>
          <summary>{t("dataset.more")}</summary>
          <SimpleGrid cols={{ base: 1, sm: 2 }} mt="xs">
            {(about?.options ?? []).map((option) => (
              <OptionField key={option} option={option} filled={filled} onChange={set} />
            ))}
            <Switch
              label={t("dataset.synthetic")}
              description={t("dataset.syntheticHint")}
              checked={filled.synthetic}
              onChange={(event) => {
                set({ synthetic: event.currentTarget.checked });
              }}
            />
          </SimpleGrid>
        </details>
        <Text size="xs" c="dimmed">
          {t("dataset.privacy")}
        </Text>
        {error && (
          <Alert color="red" role="alert">
            {error.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" disabled={!isReady}>
            {t("dataset.start")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface OptionProps {
  option: Option;
  filled: Filled;
  onChange: (changed: Partial<Filled>) => void;
}

function OptionField({ option, filled, onChange }: OptionProps): ReactNode {
  const { t } = useTranslation();
  const help = [`dataset.option.${option}.help_${filled.format}`, `dataset.option.${option}.help`];
  const common = { label: t(`dataset.option.${option}.label`), description: t(help) };
  if (option === "instances" || option === "multi_label" || option === "images_only") {
    return (
      <Switch
        {...common}
        checked={filled[option]}
        onChange={(event) => {
          onChange({ [option]: event.currentTarget.checked });
        }}
      />
    );
  }
  if (option === "classes" || option === "where") {
    return (
      <TagsInput
        {...common}
        value={[...filled[option]]}
        // A value of a table may hold a comma.
        splitChars={option === "where" ? [] : [","]}
        onChange={(several) => {
          onChange({ [option]: several });
        }}
      />
    );
  }
  if (option === "seed") {
    return (
      <NumberInput
        {...common}
        min={0}
        max={2 ** 31 - 1}
        allowDecimal={false}
        value={filled.seed}
        onChange={(seed) => {
          onChange({ seed });
        }}
      />
    );
  }
  return (
    <TextInput
      {...common}
      value={filled[option]}
      onChange={(event) => {
        onChange({ [option]: event.currentTarget.value });
      }}
    />
  );
}
