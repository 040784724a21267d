/** What the worklist is asked to show. On a phone only the search box stands open. */

import { ActionIcon, Button, Collapse, Group, Select, TextInput, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconSearch, IconX } from "@tabler/icons-react";
import type { ReactNode, RefObject } from "react";
import { useTranslation } from "react-i18next";

import type { WorklistSearch } from "../router";

const MODALITIES = ["CT", "MR", "CR", "DX", "MG", "US", "PT", "NM", "XA", "RF", "OT", "SC", "SM", "XC"];
const STATES = ["none", "queued", "running", "succeeded", "failed"] as const;

interface Props {
  wanted: WorklistSearch;
  text: string;
  box: RefObject<HTMLInputElement | null>;
  onText: (text: string) => void;
  onChange: (changed: Partial<Record<keyof WorklistSearch, string | undefined>>) => void;
  onClear: (() => void) | undefined;
  /** Searches that are kept. */
  saved: ReactNode;
  actions: ReactNode;
}

export function WorklistFilters({ wanted, text, box, onText, onChange, onClear, saved, actions }: Props): ReactNode {
  const { t } = useTranslation();
  const [isOpen, filters] = useDisclosure();
  const fields = <Fields wanted={wanted} onChange={onChange} />;
  return (
    <div>
      <Group gap="xs" wrap="nowrap" align="flex-end">
        <TextInput
          ref={box}
          flex={1}
          maw={420}
          type="search"
          aria-label={t("worklist.search")}
          placeholder={t("worklist.searchHint")}
          leftSection={<IconSearch size={16} />}
          value={text}
          onChange={(event) => {
            onText(event.currentTarget.value);
          }}
        />
        <Group gap="xs" visibleFrom="lg" wrap="nowrap" align="flex-end">
          {fields}
        </Group>
        <ActionIcon
          hiddenFrom="lg"
          variant={isOpen ? "filled" : "default"}
          size={36}
          aria-label={t("worklist.filters")}
          aria-expanded={isOpen}
          onClick={filters.toggle}
        >
          <IconAdjustmentsHorizontal size={18} />
        </ActionIcon>
        {onClear && (
          <Tooltip label={t("worklist.clear")}>
            <ActionIcon variant="subtle" color="gray" size={36} aria-label={t("worklist.clear")} onClick={onClear}>
              <IconX size={18} />
            </ActionIcon>
          </Tooltip>
        )}
        {saved}
        <Group gap="xs" ml="auto" wrap="nowrap">
          {actions}
        </Group>
      </Group>
      <Collapse expanded={isOpen} hiddenFrom="lg">
        <Group gap="xs" mt="xs" grow preventGrowOverflow={false}>
          {fields}
        </Group>
      </Collapse>
    </div>
  );
}

function Fields({ wanted, onChange }: Pick<Props, "wanted" | "onChange">): ReactNode {
  const { t } = useTranslation();
  const day = (name: "from" | "to"): ReactNode => (
    <TextInput
      type="date"
      w={140}
      aria-label={t(`worklist.${name}`)}
      title={t(`worklist.${name}`)}
      value={wanted[name] ?? ""}
      onChange={(event) => {
        onChange({ [name]: event.currentTarget.value || undefined });
      }}
    />
  );
  return (
    <>
      <Select
        w={120}
        clearable
        searchable
        placeholder={t("worklist.modality")}
        aria-label={t("worklist.modality")}
        data={MODALITIES}
        value={wanted.modality ?? null}
        onChange={(modality) => {
          onChange({ modality: modality ?? undefined });
        }}
      />
      <Select
        w={150}
        clearable
        placeholder={t("worklist.ai")}
        aria-label={t("worklist.ai")}
        data={STATES.map((value) => ({ value, label: t(`ai.${value}`) }))}
        value={wanted.ai ?? null}
        onChange={(ai) => {
          onChange({ ai: ai ?? undefined });
        }}
      />
      {day("from")}
      {day("to")}
      <Button
        variant="default"
        onClick={() => {
          const today = new Date().toLocaleDateString("sv");
          onChange({ from: today, to: today });
        }}
      >
        {t("worklist.today")}
      </Button>
    </>
  );
}
