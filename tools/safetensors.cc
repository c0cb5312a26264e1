/* SPDX-License-Identifier: BSD-3-Clause */
/* safetensors.cc: the header checks. Nothing of the file is believed before it is compared with its size. */
#include "safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "numeric.h"
#include "strict_json.h"

namespace pmx::tools {

using nlohmann::json;

namespace {

struct Dtype {
    const char* name;
    uint64_t n_bytes;
};

constexpr std::array<Dtype, 15> kDtypes = {{{"BOOL", 1},
                                            {"U8", 1},
                                            {"I8", 1},
                                            {"F8_E5M2", 1},
                                            {"F8_E4M3", 1},
                                            {"F8_E8M0", 1},
                                            {"I16", 2},
                                            {"U16", 2},
                                            {"F16", 2},
                                            {"BF16", 2},
                                            {"I32", 4},
                                            {"U32", 4},
                                            {"F32", 4},
                                            {"F64", 8},
                                            {"I64", 8}}};

Status read_shape(const std::string& where, const json& value, std::vector<uint64_t>& shape_out,
                  uint64_t& n_elems_out)
{
    if (!value.is_array() || value.size() > 16)
        return fail(PMX_ERR_ARGUMENT, "{}: shape {} must be a list of at most 16 lengths", where,
                    excerpt(value));
    n_elems_out = 1;
    for (const json& length : value) {
        if (!length.is_number_unsigned())
            return fail(PMX_ERR_ARGUMENT, "{}: shape {} must hold whole numbers of 0 or more", where,
                        excerpt(value));
        shape_out.push_back(length.get<uint64_t>());
        if (!multiply(n_elems_out, shape_out.back(), n_elems_out))
            return fail(PMX_ERR_ARGUMENT, "{}: the product of shape {} must be below 2^64", where,
                        excerpt(value));
    }
    return {};
}

Status read_offsets(const std::string& where, const json& value, uint64_t data_bytes, uint64_t& begin_out,
                    uint64_t& end_out)
{
    if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() ||
        !value[1].is_number_unsigned())
        return fail(PMX_ERR_ARGUMENT, "{}: data_offsets {} must be two whole numbers of 0 or more", where,
                    excerpt(value));
    begin_out = value[0].get<uint64_t>();
    end_out = value[1].get<uint64_t>();
    if (begin_out > end_out || end_out > data_bytes)
        return fail(PMX_ERR_ARGUMENT,
                    "{}: data_offsets {} must rise and stay within the {} data bytes of the file", where,
                    excerpt(value), data_bytes);
    return {};
}

Status read_tensor(const std::string& where, const json& entry, std::span<const std::byte> data,
                   Tensor& tensor)
{
    for (const char* key : {"dtype", "shape", "data_offsets"})
        if (!entry.is_object() || !entry.contains(key))
            return fail(PMX_ERR_ARGUMENT, "{}: \"{}\" is missing", where, key);
    if (!entry["dtype"].is_string())
        return fail(PMX_ERR_ARGUMENT, "{}: dtype {} must be a string", where, excerpt(entry["dtype"]));
    tensor.dtype = entry["dtype"].get<std::string>();
    const auto dtype = std::find_if(kDtypes.begin(), kDtypes.end(),
                                    [&](const Dtype& known) { return tensor.dtype == known.name; });
    if (dtype == kDtypes.end())
        return fail(PMX_ERR_ARGUMENT, "{}: dtype {} is not one that the format defines", where,
                    excerpt(entry["dtype"]));
    uint64_t n_elems = 0, n_bytes = 0, begin = 0, end = 0;
    PMX_TRY(read_shape(where, entry["shape"], tensor.shape, n_elems));
    PMX_TRY(read_offsets(where, entry["data_offsets"], data.size(), begin, end));
    if (!multiply(n_elems, dtype->n_bytes, n_bytes) || n_bytes != end - begin)
        return fail(PMX_ERR_ARGUMENT, "{}: {} of shape {} does not take the {} bytes of its data_offsets",
                    where, tensor.dtype, excerpt(entry["shape"]), end - begin);
    tensor.data = data.data() + begin;
    tensor.n_bytes = n_bytes;
    return {};
}

}  // namespace

Status Safetensors::open(const std::string& path, Safetensors& file_out)
{
    Safetensors opened;
    PMX_TRY(MappedFile::open(path, opened.file_));
    PMX_TRY(opened.read_header());
    file_out = std::move(opened);
    return {};
}

Status Safetensors::read_header()
{
    const std::string& path = file_->path();
    const auto bytes = file_->bytes();
    if (bytes.size() < 8)
        return fail(PMX_ERR_ARGUMENT,
                    "{}: {} bytes are too few for a safetensors file (8 for the header length)", path,
                    bytes.size());
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; i--) header_bytes = header_bytes << 8 | std::to_integer<uint64_t>(bytes[i]);
    if (header_bytes > kSafetensorsMaxHeaderBytes || header_bytes > bytes.size() - 8)
        return fail(PMX_ERR_ARGUMENT, "{}: header length {} must be at most {} and fit the file of {} bytes",
                    path, header_bytes, kSafetensorsMaxHeaderBytes, bytes.size());
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
    json header;
    PMX_TRY(parse_json_object(path + ": header", text, header));
    const auto data = bytes.subspan(8 + header_bytes);
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        PMX_TRY(read_tensor(fmt::format("{}: tensor \"{}\"", path, printable(name)), entry, data,
                            tensors_[name]));
    }
    return check_cover(data.size());
}

Status Safetensors::check_cover(size_t data_bytes) const
{
    std::vector<const Tensor*> in_order;
    for (const auto& [name, tensor] : tensors_)
        if (tensor.n_bytes > 0) in_order.push_back(&tensor);
    std::sort(in_order.begin(), in_order.end(), [](auto* a, auto* b) { return a->data < b->data; });
    const std::byte* end = file_->bytes().data() + (file_->bytes().size() - data_bytes);
    for (const Tensor* tensor : in_order) {
        if (tensor->data != end)
            return fail(PMX_ERR_ARGUMENT,
                        "{}: data_offsets of tensors must follow each other: {} at data byte {}",
                        file_->path(), tensor->data < end ? "an overlap" : "a gap",
                        data_bytes - (file_->bytes().data() + file_->bytes().size() - tensor->data));
        end = tensor->data + tensor->n_bytes;
    }
    const auto left = static_cast<size_t>(file_->bytes().data() + file_->bytes().size() - end);
    if (left != 0)
        return fail(PMX_ERR_ARGUMENT, "{}: {} bytes at the end belong to no tensor", file_->path(), left);
    return {};
}

const Tensor* Safetensors::find(const std::string& name) const
{
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace pmx::tools
