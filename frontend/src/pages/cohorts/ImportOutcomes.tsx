/** Says what became of patients: a table and a horizon become labels of their studies, to learn a prognosis from. */

import { Alert, Anchor, Autocomplete, Button, Code, FileInput, Group, Modal, NumberInput, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { uploadOutcomes, type NewOutcomes, type OutcomesReport } from "../../api/upload";
import { COLUMNS, columnsIn, HEAD_BYTES, orderOf, usual, type Columns } from "./outcomes";
import { Refused } from "./Refused";

interface Props {
  team: string;
  isOpen: boolean;
  onClose: () => void;
}

export function ImportOutcomes({ team, isOpen, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <Modal opened={isOpen} onClose={onClose} title={t("outcomes.import")} size="lg" closeOnClickOutside={false}>
      {isOpen && <Import team={team} onClose={onClose} />}
    </Modal>
  );
}

function Import({ team, onClose }: { team: string; onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: ({ order, file }: { order: NewOutcomes; file: File }) => uploadOutcomes(team, order, file),
    onSuccess: () => client.invalidateQueries({ queryKey: ["label-schemes", team] }),
  });
  if (start.data) return <Report report={start.data} onAgain={start.reset} onClose={onClose} />;
  return (
    <Form
      error={start.error}
      isSending={start.isPending}
      onStart={(order, file) => {
        start.mutate({ order, file });
      }}
    />
  );
}

interface FormProps {
  error: Error | null;
  isSending: boolean;
  onStart: (order: NewOutcomes, file: File) => void;
}

function Form({ error, isSending, onStart }: FormProps): ReactNode {
  const { t } = useTranslation();
  const [file, setFile] = useState<File | null>(null);
  const [known, setKnown] = useState<string[]>([]);
  const [columns, setColumns] = useState<Columns>(usual([]));
  const [scheme, setScheme] = useState("");
  const [horizonDays, setHorizon] = useState<number | string>(365);
  const order = orderOf({ scheme, horizonDays, columns });
  const choose = async (chosen: File | null): Promise<void> => {
    setFile(chosen);
    const found = chosen ? columnsIn(await chosen.slice(0, HEAD_BYTES).text()) : [];
    setKnown(found);
    setColumns(usual(found));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (order && file) onStart(order, file);
      }}
    >
      <Stack>
        <Text size="sm">{t("outcomes.hint")}</Text>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <FileInput
            label={t("dataset.file")}
            description={t("outcomes.file")}
            accept=".csv,text/csv"
            value={file}
            clearable
            required
            data-autofocus
            placeholder={t("dataset.choose")}
            onChange={(chosen) => {
              void choose(chosen);
            }}
          />
          <div>
            <Text size="sm" fw={500}>
              {t("outcomes.layout")}
            </Text>
            <Code block>{"patient,time_days,event\nP-001,120,1\nP-002,900,0"}</Code>
          </div>
          <TextInput
            label={t("selection.scheme")}
            description={t("outcomes.schemeHint")}
            required
            maxLength={60}
            value={scheme}
            onChange={(event) => {
              setScheme(event.currentTarget.value);
            }}
          />
          <NumberInput
            label={t("outcomes.horizon")}
            description={t("outcomes.horizonHint")}
            required
            min={0}
            value={horizonDays}
            onChange={setHorizon}
          />
        </SimpleGrid>
        {file && (
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            {COLUMNS.map((name) => (
              <Autocomplete
                key={name}
                label={t(`outcomes.column.${name}.label`)}
                description={t(`outcomes.column.${name}.help`)}
                required
                data={known}
                value={columns[name]}
                onChange={(value) => {
                  setColumns({ ...columns, [name]: value });
                }}
              />
            ))}
          </SimpleGrid>
        )}
        {error && (
          <Alert color="red" role="alert">
            {error.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" disabled={!order || !file} loading={isSending}>
            {t("dataset.start")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Report({ report, onAgain, onClose }: { report: OutcomesReport; onAgain: () => void; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" data-testid="outcomes-report">
      <Alert color={report.patients ? "teal" : "orange"} role="status">
        <Text size="sm">
          {t("outcomes.labelled", { count: report.patients, scheme: report.scheme })} {t("outcomes.studies", { count: report.studies })}
        </Text>
        <Text size="sm">{t("outcomes.yes", { count: report.yes, days: report.horizon_days })}</Text>
        <Text size="sm">{t("outcomes.no", { count: report.no, days: report.horizon_days })}</Text>
        {report.censored > 0 && <Text size="sm">{t("outcomes.censored", { count: report.censored, days: report.horizon_days })}</Text>}
      </Alert>
      {report.new_labels < report.studies && <Text size="sm">{t("outcomes.wereThere", { count: report.studies - report.new_labels })}</Text>}
      <Refused refused={report.refused} count={report.refused_in_all} />
      <Group justify="space-between">
        <Button variant="default" onClick={onAgain}>
          {t("dataset.again")}
        </Button>
        <Anchor size="sm" onClick={onClose} renderRoot={(props) => <Link {...props} to="/" />}>
          {t("outcomes.freeze")}
        </Anchor>
      </Group>
    </Stack>
  );
}
