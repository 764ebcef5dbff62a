# cmake -DOUT=file -DPACKS="a.xml;b.xml" -P embed.cmake: writes a source that holds each file as a raw string.
set(source "#include \"core/form/packs.h\"\n\nnamespace lysoen::form {\n\nconst std::vector<std::string_view>& pack_texts() {\n  static const std::vector<std::string_view> texts = {\n")
foreach(pack ${PACKS})
  file(READ ${pack} text)
  string(APPEND source "R\"LysoenPack(${text})LysoenPack\",\n")
endforeach()
string(APPEND source "  };\n  return texts;\n}\n\n}  // namespace lysoen::form\n")
file(WRITE ${OUT} "${source}")
